"""When a person signed in, in the tokens that their refresh token brings.

AWS: `auth_time` is when the person signed in, whatever has been renewed since (Cognito Developer Guide, "Understanding
the identity token"). OpenID clients hold it to that: oidc-client-ts refuses a renewed token with another one.
Emulator: puts the time of each renewal there.
"""

from typing import Any

from local.patches import Options


def apply(options: Options) -> None:
    from ministack.services import cognito

    sign = cognito._signed_jwt
    signed_in_at: dict[str, int] = {}  # by the sign-in's origin_jti, which its tokens share

    def signed(claims: dict[str, Any], *rest: Any, **more: Any) -> Any:
        origin = claims.get("origin_jti")
        if origin and "auth_time" in claims:
            claims = {**claims, "auth_time": signed_in_at.setdefault(str(origin), claims["auth_time"])}
        return sign(claims, *rest, **more)

    cognito._signed_jwt = signed
