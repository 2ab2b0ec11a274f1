"""A server's certificate, shown as its files hold it: they may be renewed while the server runs, and no connection is lost for it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from seaway.base.clock import Clock

log = logging.getLogger(__name__)


class ShownCertificate:
    """What a TLS context shows to those who connect from now on.

    Args:
        context: of a server; it shows what the files hold now.
        certificate: PEM.
        key: PEM.
    """

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._context, self._certificate, self._key = context, certificate, key
        self._shown = self._read()

    def reload(self) -> bool:
        """Show what the files hold now; return whether that is another certificate.

        Raises:
            OSError: they cannot be read, or do not belong together (`ssl.SSLError`); what was shown before still is.
        """
        found = self._read()
        if found == self._shown:
            return False
        # a context that refused a key has already taken the certificate: another one finds out
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key)
        self._context.load_cert_chain(self._certificate, self._key)
        self._shown = found
        return True

    def _read(self) -> tuple[bytes, bytes]:
        return self._certificate.read_bytes(), self._key.read_bytes()

    async def keep(
        self, ready: Callable[[], None], clock: Clock, every: float, renew: Callable[[], object] | None = None
    ) -> None:
        """Look again and again until cancelled.

        Args:
            ready: called at once.
            clock: measures time.
            every: seconds between two looks.
            renew: makes the files anew where that is due; raises OSError or ValueError where it cannot. None: others do it.
        """
        ready()
        problem = ""
        while True:
            await clock.sleep(every)
            try:
                if renew is not None:
                    await asyncio.to_thread(renew)
                if self.reload():
                    log.info("the certificate %s was renewed, and is shown from now on", self._certificate)
                problem = ""
            except (OSError, ValueError) as error:
                if str(error) != problem:  # once, not with every look
                    problem = str(error)
                    log.warning("the certificate %s cannot be renewed: %s", self._certificate, problem)
