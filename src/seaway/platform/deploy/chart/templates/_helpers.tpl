{{/* What the server's pods are known by; it never changes. */}}
{{- define "seaway.selector" -}}
app.kubernetes.io/name: seaway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "seaway.labels" -}}
{{ include "seaway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "seaway.account" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{/* Whether a volume is needed: the database or the artifacts are files. "true" or nothing. */}}
{{- define "seaway.keepsFiles" -}}
{{- if not (and .Values.database.secret .Values.artifacts.url) -}}true{{- end -}}
{{- end }}

{{/* What a certificate of our own must be good for, separated by commas. */}}
{{- define "seaway.names" -}}
{{- $service := printf "%s.%s.svc" .Release.Name .Release.Namespace -}}
{{- concat (list $service (printf "%s.cluster.local" $service) "localhost") .Values.tls.names | join "," -}}
{{- end }}

{{- define "seaway.url" -}}
{{- .Values.url | trimSuffix "/" | default (printf "https://%s.%s.svc:%d" .Release.Name .Release.Namespace (int .Values.service.port)) -}}
{{- end }}

{{/* The name that the server's certificate is good for. */}}
{{- define "seaway.host" -}}
{{- (urlParse (include "seaway.url" .)).hostname -}}
{{- end }}

{{- define "seaway.probe" -}}
httpGet:
  path: {{ .path }}
  port: https
  scheme: HTTPS
periodSeconds: {{ .period }}
timeoutSeconds: 5
failureThreshold: {{ .failures }}
{{- end }}

{{/* What does not fit together: the same sentences as in values.py. */}}
{{- define "seaway.check" -}}
{{- with .Values }}
{{- if not .image }}
{{- fail "image: name the server's image (build it with the Dockerfile of the source and push it to your registry)" }}
{{- end }}
{{- if and (gt (int .replicas) 1) (not .database.secret) }}
{{- fail "replicas: more than one server needs a database that all of them reach: set database.secret to a Secret with the URL of a PostgreSQL database" }}
{{- end }}
{{- if and (gt (int .replicas) 1) (not .artifacts.url) }}
{{- fail "replicas: more than one server needs an artifact store that all of them reach: set artifacts.url to s3://BUCKET" }}
{{- end }}
{{- if and (not .artifacts.url) (or .artifacts.endpoint .artifacts.region .artifacts.secret) }}
{{- fail "artifacts: endpoint, region and secret belong to an object storage: set artifacts.url to s3://BUCKET" }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.host) }}
{{- fail "ingress.host: name the host that users open" }}
{{- end }}
{{- if and .metrics.serviceMonitor.enabled (not .metrics.serviceMonitor.tokenSecret) }}
{{- fail "metrics.serviceMonitor.tokenSecret: name a Secret with a token for Prometheus, which seaway token create prometheus --scope metrics makes" }}
{{- end }}
{{- if and .tls.public (not .tls.secret) }}
{{- fail "tls.public: it is about the certificate of tls.secret, and none is named" }}
{{- end }}
{{- end }}
{{- end }}
