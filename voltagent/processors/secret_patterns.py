"""What counts as a secret, as data: words of key names, harmless companions of those words, and token formats.

The formats are facts from the vendors' documentation and from the public rule lists of secret scanners (GitHub secret
scanning, gitleaks, TruffleHog). Only the prefix and the alphabet are checked: half the documented length is enough, and
no checksum is.
"""

from __future__ import annotations

import string
from typing import Final, NamedTuple

# Every string and number under a key with one of these words is a secret.
STRONG: Final = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "passphrases",
        "passcode",
        "passcodes",
        "pwd",
        "pswd",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "pin",
        "otp",
        "totp",
        "cvv",
        "cvc",
        "cvv2",
        "cvc2",
        "authorization",
        "cookie",
        "setcookie",
        "apikey",
        "apikeys",
        "apisecret",
        "privatekey",
        "secretkey",
        "accesskey",
        "dbpass",
        "dbpwd",
        "userpass",
        "mypass",
        "mysqlpwd",
        "pgpassword",
        "sshpass",
        "rootpass",
        "adminpass",
        "creds",
        "cred",
        "contraseña",
        "contrasena",
        "contraseñas",
        "clave",
        "passwort",
        "passwörter",
        "kennwort",
        "senha",
        "senhas",
        "mdp",
        "motdepasse",
        "wachtwoord",
        "lösenord",
        "losenord",
        "salasana",
        "hasło",
        "haslo",
        "heslo",
        "jelszó",
        "jelszo",
        "şifre",
        "sifre",
        "adgangskode",
        "passord",
        "parola",
        "пароль",
        "密码",
        "密碼",
        "パスワード",
        "비밀번호",
        "암호",
        "暗証番号",
    ]
)

# Two words in a row that together are as good as one of the above.
STRONG_PAIRS: Final = frozenset(
    (first, second)
    for seconds, firsts in (
        (
            ("key", "keys"),
            (
                "api private secret access ssh account encryption decryption signing master shared service storage "
                "auth subscription license licence deploy host hmac aes rsa jwt session crypt cipher security webhook "
                "sas gpg client"
            ),
        ),
        (("code", "codes"), "recovery backup verification security auth otp pin access mfa twofactor"),
        (("string", "strings"), "connection conn"),
        (("passe",), "de"),
        (("answer", "answers"), "security"),
        (("phrase",), "seed recovery pass"),
        (("word", "words"), "pass"),
        (("pass",), "db user root admin my sudo ssh smtp mysql pg ftp mail email"),
        (("id",), "session"),
    )
    for first in firsts.split()
    for second in seconds
)

# Under these, what looks like a credential is one: numbers, ordinary words and short values stay.
WEAK: Final = frozenset(
    [
        "token",
        "tokens",
        "key",
        "keys",
        "pass",
        "auth",
        "bearer",
        "jwt",
        "signature",
        "sig",
        "sid",
        "session",
        "sessionid",
        "jsessionid",
        "phpsessid",
        "oauth",
        "sas",
        "csrf",
        "xsrf",
        "csrftoken",
        "authtoken",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "apitoken",
        "bottoken",
    ]
)

# Words beside the above that make a name harmless, or a fact about a secret rather than a secret.
HARMLESS: Final = {
    "token": frozenset(
        [
            "page",
            "next",
            "continuation",
            "previous",
            "prev",
            "cursor",
            "resume",
            "sync",
            "scroll",
            "skip",
            "delta",
            "eos",
            "bos",
            "pad",
            "unk",
            "sep",
            "cls",
            "mask",
            "stop",
            "start",
            "special",
            "first",
            "last",
            "end",
            "begin",
            "count",
            "type",
            "id",
            "ids",
            "limit",
            "max",
            "min",
            "total",
            "prompt",
            "completion",
            "input",
            "output",
            "cached",
            "reasoning",
            "per",
            "price",
            "cost",
            "usage",
            "num",
            "n",
            "text",
            "index",
            "budget",
            "rate",
            "used",
            "remaining",
            "bytes",
            "logprob",
            "logprobs",
            "space",
        ]
    ),
    "key": frozenset(
        [
            "public",
            "primary",
            "foreign",
            "sort",
            "partition",
            "composite",
            "natural",
            "surrogate",
            "cache",
            "row",
            "range",
            "unique",
            "index",
            "lookup",
            "group",
            "dict",
            "object",
            "idempotency",
            "dedup",
            "deduplication",
            "routing",
            "translation",
            "message",
            "event",
            "field",
            "config",
            "hot",
            "arrow",
            "join",
            "order",
            "project",
            "name",
            "names",
            "code",
            "down",
            "up",
            "press",
            "error",
            "type",
            "id",
            "ids",
            "count",
            "label",
            "keyword",
            "column",
            "map",
            "sorted",
            "issue",
            "context",
            "metric",
            "tag",
            "feature",
            "registry",
            "path",
            "file",
            "length",
            "size",
        ]
    ),
    "strong": frozenset(
        [
            "length",
            "count",
            "policy",
            "attempts",
            "strength",
            "expiry",
            "expires",
            "expired",
            "expiration",
            "age",
            "required",
            "enabled",
            "disabled",
            "field",
            "label",
            "hint",
            "min",
            "max",
            "changed",
            "updated",
            "created",
            "at",
            "reset",
            "url",
            "uri",
            "link",
            "rotation",
            "type",
            "santa",
            "manager",
            "agent",
            "policies",
            "validity",
            "days",
            "version",
            "placeholder",
            "input",
            "eaten",
            "consent",
            "banner",
            "file",
            "path",
            "exists",
            "valid",
            "is",
            "has",
        ]
    ),
}


class Format(NamedTuple):
    """A token that its issuer's prefix gives away."""

    issuer: str
    prefix: str  # a regular expression of bounded length
    rest: str  # the alphabet after it, as a character class
    least: int  # how many characters of it are enough
    ordinary: bool = False  # the prefix also begins ordinary names: the rest must hold a digit or both cases

    @property
    def first(self) -> str:
        """The pairs of characters that a token of this format can begin with, separated by spaces."""
        return " ".join(sorted(_beginnings(self.prefix)))


def _beginnings(prefix: str) -> set[str]:
    """The first two characters of all strings that a prefix matches; it has classes, groups and literals only."""
    found = {""}
    position = 0
    while position < len(prefix) and any(len(one) < 2 for one in found):
        if prefix.startswith("(?:", position):
            end = prefix.index(")", position)
            found = {
                one + more
                for one in found
                for branch in prefix[position + 3 : end].split("|")
                for more in _beginnings(branch)
            }
            position = end + 1
        elif prefix[position] == "[":
            end = prefix.index("]", position)
            found = {one + more for one in found for more in _class(prefix[position + 1 : end])}
            position = end + 1
        else:
            position += prefix[position] == "\\"
            found = {one + prefix[position] for one in found}
            position += 1
    return {one[:2] for one in found}


def _class(text: str) -> set[str]:
    found = set(
        text.replace("a-z", string.ascii_lowercase).replace("A-Z", string.ascii_uppercase).replace("0-9", string.digits)
    )
    return found - {"-"}


_B62: Final = "[A-Za-z0-9]"
_B64URL: Final = "[A-Za-z0-9_-]"
_HEX: Final = "[A-Fa-f0-9]"

FORMATS: Final[tuple[Format, ...]] = (
    Format("OpenAI", "sk-(?:proj|svcacct|admin|None)-", _B64URL, 10),
    Format("OpenAI, DeepSeek and compatible", "sk-", _B64URL, 14, ordinary=True),
    Format("OpenRouter", "sk-or-(?:v1-)?", _B62, 10),
    Format("Anthropic", "sk-ant-(?:api|oat|ort|admin|sid)[0-9]{2}-", _B64URL, 8),
    Format("Langfuse", "[ps]k-lf-", _B64URL, 8),
    Format("LangSmith", "ls(?:v2_(?:pt|sk)_|__)", "[A-Za-z0-9_]", 16),
    Format("Groq", "gsk_", _B62, 16),
    Format("xAI", "xai-", _B62, 16, ordinary=True),
    Format("Perplexity", "pplx-", _B62, 10, ordinary=True),
    Format("Tavily", "tvly-(?:dev-|prod-)?", _B64URL, 10, ordinary=True),
    Format("Fireworks", "fw_", _B62, 16, ordinary=True),
    Format("Together AI", "tgp_v[0-9]_", _B64URL, 10),
    Format("Hugging Face", "(?:hf|api_org)_", _B62, 16),
    Format("Replicate", "r8_", _B62, 16),
    Format("Pinecone", "pcsk_", "[A-Za-z0-9_]", 16),
    Format("NVIDIA", "nvapi-", _B64URL, 16),
    Format("Cerebras", "csk-", _B62, 16, ordinary=True),
    Format("Jina AI", "jina_", _B64URL, 16, ordinary=True),
    Format("VoltAgent", "[ps]k_[A-Za-z]{2,8}_", _B62, 10, ordinary=True),
    Format("VoltAgent, Clerk, Stripe", "[psr]k_(?:live|test|prod)_", _B62, 8),
    Format("Stripe and alike", "[psr]k_", "[A-Za-z0-9_]", 12, ordinary=True),
    Format("Stripe and Svix webhook", "whsec_", "[A-Za-z0-9+/=]", 12),
    Format("GitHub", "gh[pousr]_", _B62, 16),
    Format("GitHub, fine-grained", "github_pat_", "[A-Za-z0-9_]", 16),
    Format("GitLab", "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas)-", _B64URL, 10),
    Format("Bitbucket", "ATBB", "[A-Za-z0-9=]", 16, ordinary=True),
    Format("Atlassian", "AT(?:ATT|CTT)3", "[A-Za-z0-9_=+/-]", 16),
    Format("Slack", "xox[abeoprs](?:\\.xox[bp])?-", "[A-Za-z0-9-]", 10),
    Format("Slack app", "xapp-", "[A-Za-z0-9-]", 10),
    Format("Slack refresh", "xoxe-", "[A-Za-z0-9-]", 10),
    Format("Shopify", "shp(?:at|ss|ca|pa|ua)_", _B62, 12),
    Format("DigitalOcean", "do[opr]_v1_", _HEX, 16),
    Format("npm", "npm_", _B62, 16),
    Format("PyPI", "pypi-", _B64URL, 16, ordinary=True),
    Format("RubyGems", "rubygems_", _HEX, 16),
    Format("crates.io", "cio", _B62, 28, ordinary=True),
    Format("Docker Hub", "dckr_(?:pat|oat)_", _B64URL, 12),
    Format("HashiCorp Vault", "hv[sbr]\\.", _B64URL, 12),
    Format("Doppler", "dp\\.(?:pt|st|ct|scim|audit)\\.", "[A-Za-z0-9._-]", 16),
    Format("1Password service account", "ops_eyJ", "[A-Za-z0-9+/=_-]", 16),
    Format("age", "AGE-SECRET-KEY-1", "[A-Za-z0-9]", 16),
    Format("AWS access key", "A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])", "[A-Z0-9]", 12, ordinary=True),
    Format("Google API", "AIza", "[A-Za-z0-9_-]", 20),
    Format("Google OAuth", "ya29\\.", "[A-Za-z0-9._-]", 12),
    Format("Google OAuth client", "GOCSPX-", _B64URL, 10),
    Format("Alibaba", "LTAI", _B62, 12, ordinary=True),
    Format("Tencent", "AKID", _B62, 16, ordinary=True),
    Format("Yandex", "(?:t1\\.|AQVN|y[0-3]_)", "[A-Za-z0-9_-]", 20, ordinary=True),
    Format("SendGrid", "SG\\.", "[A-Za-z0-9._-]", 20),
    Format("Mailgun", "key-", "[a-f0-9]", 16, ordinary=True),
    Format("Brevo", "xkeysib-", "[A-Za-z0-9-]", 16),
    Format("Postmark, Twilio", "(?:SK|AC)", "[a-f0-9]", 32),
    Format("Notion", "(?:secret|ntn)_", _B62, 20, ordinary=True),
    Format("Airtable", "pat[A-Za-z0-9]{14}\\.", _HEX, 20),
    Format("Linear", "lin_(?:api|oauth)_", _B62, 16),
    Format("Figma", "fig[dou]_", _B64URL, 16, ordinary=True),
    Format("Postman", "PMAK-", "[A-Za-z0-9-]", 16),
    Format("Sentry", "sntr(?:ys|yu)_", "[A-Za-z0-9+/=_-]", 16),
    Format("Grafana", "gl(?:sa|c)_", "[A-Za-z0-9+/=_]", 16),
    Format("New Relic", "NR(?:AK|AL|II|JS|RA|MA)-", "[A-Za-z0-9]", 12),
    Format("Dynatrace", "dt0[a-z][0-9]{2}\\.", "[A-Za-z0-9.]", 20),
    Format("Datadog, application", "ddapp_", _B62, 16),
    Format("PostHog", "ph[cx]_", _B62, 16),
    Format("Databricks", "dapi", "[a-f0-9]", 16, ordinary=True),
    Format("PlanetScale", "pscale_(?:tkn|oauth|pw)_", "[A-Za-z0-9._=-]", 12),
    Format("Supabase", "sb(?:p|_secret|_publishable)_", "[A-Za-z0-9_-]", 16),
    Format("Neon", "napi_", _B62, 16, ordinary=True),
    Format("Vercel", "vc[a-z]_", _B62, 16, ordinary=True),
    Format("Netlify", "nf[pcoub]_", _B62, 16),
    Format("Fly.io", "(?:fo1_|fm2_|FlyV1 fm2_)", "[A-Za-z0-9+/=_-]", 16),
    Format("Heroku", "HRKU-", "[A-Za-z0-9_-]", 16),
    Format("Render", "rnd_", _B62, 16, ordinary=True),
    Format("Cloudflare", "(?:v1\\.0-|cf(?:k|ut|at)_)", "[A-Za-z0-9-]", 20, ordinary=True),
    Format("Square", "(?:EAAA|sq0(?:atp|csp|idp)-)", "[A-Za-z0-9_-]", 20),
    Format("Facebook", "EAA[A-Za-z]", _B62, 30, ordinary=True),
    Format("PayPal Braintree", "access_token\\$(?:production|sandbox)\\$", "[A-Za-z0-9$]", 16),
    Format("Plaid", "access-(?:sandbox|development|production)-", "[a-f0-9-]", 16),
    Format("Adyen", "AQE[a-z]", "[A-Za-z0-9+/=*-]", 24, ordinary=True),
    Format("Typeform", "tfp_", "[A-Za-z0-9._-]", 20),
    Format("Contentful", "CFPAT-", _B64URL, 16),
    Format("Prefect", "pn[ub]_", _B62, 16, ordinary=True),
    Format("Pulumi", "pul-", _HEX, 16),
    Format("Buildkite", "bk(?:ua|t|s|pt)_", _HEX, 16),
    Format("CircleCI", "CCI(?:PAT|PRJ)_", "[A-Za-z0-9_]", 16),
    Format("Sourcegraph", "sg[pd]_", "[A-Za-z0-9_]", 16, ordinary=True),
    Format("SonarQube", "sq[pua]_", _HEX, 16),
    Format("Snyk, Okta SSWS", "(?:SSWS |snyk_uat\\.)", "[A-Za-z0-9._-]", 16),
    Format("Scaleway", "SCW", "[A-Z0-9]", 14, ordinary=True),
    Format("EasyPost", "EZ[AT]K", _B62, 20, ordinary=True),
    Format("Duffel", "duffel_(?:test|live)_", _B64URL, 16),
    Format("Shippo", "shippo_(?:test|live)_", _HEX, 16),
    Format("Frame.io", "fio-u-", _B64URL, 16),
    Format("JSON web token", "eyJ[A-Za-z0-9_-]{5,2000}\\.", "[A-Za-z0-9_.-]", 8),
    Format("JSON web token, cut", "eyJ(?:hbGciO|0eXAiO|raWQiO)", "[A-Za-z0-9_-]", 8),
    Format("Iron session", "Fe26\\.2\\*", "[A-Za-z0-9_*-]", 16),
)
