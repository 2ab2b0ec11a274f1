# The image of `seaway server`. Where the source is:
#
#   docker build --tag registry.example.com/seaway:0.1.0 .
#   docker push registry.example.com/seaway:0.1.0
#   seaway install --image registry.example.com/seaway:0.1.0 --namespace research
#
# The packages are those of requirements-server.lock, each checked by its hash. Runs need no image of ours.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
COPY requirements-server.lock /build/
RUN python -m venv --without-pip /opt/seaway
RUN python -m pip --python /opt/seaway/bin/python install --quiet --disable-pip-version-check --no-cache-dir \
    --no-compile --only-binary=:all: --require-hashes --requirement /build/requirements-server.lock
# uv resolves requirements on users' machines; a server has no use for its 50 MB
RUN rm -f /opt/seaway/bin/uv /opt/seaway/bin/uvx && /opt/seaway/bin/python -m compileall -q /opt/seaway/lib
COPY src/seaway /build/seaway
RUN cp -r /build/seaway "$(/opt/seaway/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/seaway" \
    && printf '#!/opt/seaway/bin/python\nimport sys\n\nfrom seaway.__main__ import start\n\nsys.exit(start())\n' \
    > /opt/seaway/bin/seaway \
    && chmod 755 /opt/seaway/bin/seaway \
    && /opt/seaway/bin/python -m compileall -q /opt/seaway/lib

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/seaway /opt/seaway
RUN mkdir -m 0700 /var/lib/seaway && chown 65532:65532 /var/lib/seaway
ENV PATH=/opt/seaway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SEAWAY_SERVER_HOME=/var/lib/seaway
USER 65532:65532
EXPOSE 8443
ENTRYPOINT ["seaway"]
CMD ["server"]
