"""Presigned URLs: a browser that brings one gets a cookie, and with it the UI of one App."""

import secrets
import time

from aiohttp import web

COOKIE = "sagemaker-mlflow-session"
DEFAULT_EXPIRY_SECONDS = 300
DEFAULT_SESSION_SECONDS = 43200


class Sessions:
    def __init__(self, state):
        self.state = state
        self.tokens = {}  # token: resource, when it ends, how long the session lasts
        self.open = {}  # cookie: resource, when it ends

    def url(self, resource, request):
        token = secrets.token_urlsafe(48)
        lasts = request.get("SessionExpirationDurationInSeconds", DEFAULT_SESSION_SECONDS)
        self.tokens[token] = (resource, time.monotonic() + request.get("ExpiresInSeconds", DEFAULT_EXPIRY_SECONDS), lasts)
        return f"{self.state.data_plane}/auth?authToken={token}"

    def sign_in(self, http):
        """Every token opens one session, once."""
        resource, ends, lasts = self.tokens.pop(http.query.get("authToken", ""), (None, 0, 0))
        if resource is None or ends < time.monotonic():
            return web.Response(status=403, text="This link has been used or has expired.")
        cookie = secrets.token_urlsafe(48)
        self.open[cookie] = (resource, time.monotonic() + lasts)
        answer = web.Response(status=302, headers={"Location": "/"})
        answer.set_cookie(COOKIE, cookie, max_age=lasts, httponly=True, samesite="Strict")
        return answer

    def resource(self, http):
        """The App that the browser is signed in to, if it is."""
        resource, ends = self.open.get(http.cookies.get(COOKIE, ""), (None, 0))
        return resource if ends > time.monotonic() else None
