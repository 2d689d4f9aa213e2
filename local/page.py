"""The page at http://localhost:<port>/: a reverse proxy to the stack's CloudFront distribution in the emulator.

The emulator finds a distribution by the Host header, and a browser cannot be told to send another one. CloudFront's own
rules (the default object, HTTPS, the bucket's policy for its origin access control) stay the emulator's.
"""

import http.client

from local.processes import LOOPBACK
from local.web import Handler, Web

USUAL_PORT = 8080
PASSED_ON = ("Accept", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range")
# Of a connection, not of the page; and the length is written again.
NOT_PASSED_BACK = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


class Page:
    """Serves once `show` was told which distribution."""

    def __init__(self, emulator_port: int, preferred_port: int = USUAL_PORT) -> None:
        self.emulator_port = emulator_port
        self.domain: str | None = None
        page = self

        class PageHandler(Handler):
            def do_GET(self) -> None:
                if self.host_is_ours():
                    page.serve(self)

            do_HEAD = do_GET

        self.web = Web(PageHandler, preferred_port)
        self.url = f"http://localhost:{self.web.port}/"

    def show(self, domain: str) -> None:
        self.domain = domain

    def serve(self, request: Handler) -> None:
        if self.domain is None:
            request.answer(503, b"The page is not deployed yet.\n", {"Retry-After": "1"})
            return
        headers = {name: value for name in PASSED_ON if (value := request.headers.get(name))}
        # The viewer's scheme: localhost counts as secure for browsers, as HTTPS does for CloudFront.
        headers |= {"Host": self.domain, "X-Forwarded-Proto": "https"}
        upstream = http.client.HTTPConnection(LOOPBACK, self.emulator_port, timeout=30)
        try:
            upstream.request(request.command, request.path, headers=headers)
            answer = upstream.getresponse()
            body = answer.read()
        except OSError:
            request.answer(502, b"The laptop's cloud does not answer.\n", {"Content-Type": "text/plain"})
            return
        finally:
            upstream.close()
        back = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_BACK}
        # HSTS of the distribution would make the browser ask this port for HTTPS.
        back = {name: value for name, value in back.items() if name.lower() != "strict-transport-security"}
        request.answer(answer.status, body, back)
