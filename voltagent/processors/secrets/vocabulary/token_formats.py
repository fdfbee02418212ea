"""Tokens that their issuer's prefix gives away.

Prefixes and alphabets are facts from the issuers' public documentation and from the rules of public secret scanners
(GitHub secret scanning, gitleaks, TruffleHog). Half the documented length is enough, and no checksum is verified. A
format is added here in one line.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.vocabulary.credential_forms import atomic


class Format(NamedTuple):
    """A token that begins with a prefix."""

    issuer: str
    prefix: str  # a regular expression of bounded length
    rest: str  # the alphabet after it, as a character class
    least: int  # how many characters of it are enough
    ordinary: bool = False  # the prefix also begins ordinary names: the rest must hold a digit or both cases


class InnerFormat(NamedTuple):
    """A token whose mark is in its middle or at its end."""

    issuer: str
    mark: str  # in lower case
    pattern: str  # a regular expression over lower case that begins with the mark

    @property
    def widened(self) -> str:
        """The pattern without what looks behind it, for an engine that cannot."""
        short = re.sub(r"\(\?<=[^)]{0,60}\)(?=[\[(])", "", self.pattern)
        return re.sub(r"\{(\d+),\d+\}", r"{\1}", short)


_B62: Final = "[A-Za-z0-9]"
_B64URL: Final = "[A-Za-z0-9_-]"
_HEX: Final = "[A-Fa-f0-9]"
_UUID: Final = "[a-f0-9-]"

FORMATS: Final[tuple[Format, ...]] = (
    Format("OpenAI", "sk-(?:proj|svcacct|admin|None)-", _B64URL, 10),
    Format("OpenAI, DeepSeek and compatible", "sk-", _B64URL, 14, ordinary=True),
    Format("OpenRouter", "sk-or-(?:v1-)?", _B62, 10),
    Format("Anthropic", "sk-ant-(?:api|oat|ort|admin|sid)[0-9]{2}-", _B64URL, 8),
    Format("Langfuse", "[ps]k-lf-", _B64URL, 8),
    Format("LangSmith", "ls(?:v2_(?:pt|sk)_|__)", "[A-Za-z0-9_]", 12),
    Format("Groq", "gsk_", _B62, 16),
    Format("xAI", "xai-", _B62, 16, ordinary=True),
    Format("Perplexity", "pplx-", _B62, 10, ordinary=True),
    Format("Tavily", "tvly-(?:dev-|prod-)?", _B64URL, 10, ordinary=True),
    Format("Fireworks", "fw_", _B62, 10, ordinary=True),
    Format("Together AI", "tgp_v[0-9]_", _B64URL, 10),
    Format("Hugging Face", "(?:hf|api_org)_", _B62, 16),
    Format("Replicate", "r8_", _B62, 16),
    Format("Pinecone", "pcsk_", "[A-Za-z0-9_]", 16),
    Format("NVIDIA", "nvapi-", _B64URL, 16),
    Format("Cerebras", "csk-", _B62, 16, ordinary=True),
    Format("Jina AI", "jina_", _B64URL, 16, ordinary=True),
    Format("Weights and Biases", "wandb_v[0-9]_", "[A-Za-z0-9_]", 16),
    Format("E2B", "e2b_", _HEX, 16),
    Format("Firecrawl", "fc-", "[a-f0-9]", 16),
    Format("VoltAgent", "sk_[a-z]{2,8}_", _B62, 10, ordinary=True),
    Format("VoltAgent, Clerk, Stripe", "[sr]k_(?:live|test|prod)_", _B62, 8),
    Format("Stripe and alike", "[sr]k_", "[A-Za-z0-9_]", 12, ordinary=True),
    Format("ClickUp", "pk_[0-9]{5,10}_", "[A-Z0-9]", 16),
    Format("Stripe and Svix webhook", "whsec_", "[A-Za-z0-9+/=]", 12),
    Format("GitHub", "gh[pousr]_", _B62, 16),
    Format("GitHub, installation", "ghs_[0-9]{1,12}_", "[A-Za-z0-9_.-]", 16),
    Format("GitHub, fine-grained", "github_pat_", "[A-Za-z0-9_]", 16),
    Format("GitLab", "gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|soat|oas|ffct|wt)-", _B64URL, 10),
    Format("GitLab, runner registration", "GR1348941", _B64URL, 10),
    Format("Bitbucket", "ATBB", "[A-Za-z0-9=]", 14, ordinary=True),
    Format("Atlassian", "AT(?:ATT|CTT)3", "[A-Za-z0-9_=+/-]", 16),
    Format("Slack", "xox[a-eoprs](?:\\.xox[bp])?-", "[A-Za-z0-9-]", 10),
    Format("Slack app", "xapp-", "[A-Za-z0-9-]", 10),
    Format("Shopify", "shp(?:at|ss|ca|pa|ua|rt|tka)_", _B62, 12),
    Format("DigitalOcean", "do[opr]_v1_", _HEX, 16),
    Format("npm", "npm_", _B62, 16),
    Format("PyPI", "pypi-", _B64URL, 16, ordinary=True),
    Format("RubyGems", "rubygems_", _HEX, 16),
    Format("crates.io", "cio", _B62, 28, ordinary=True),
    Format("Clojars", "(?:CLOJARS|clojars)_", _B62, 16),
    Format("Docker Hub", "dckr_(?:pat|oat)_", _B64URL, 12),
    Format("HashiCorp Vault", "hv[sbr]\\.", _B64URL, 12),
    Format("HashiCorp Boundary", "at_", _B62, 22, ordinary=True),
    Format("Doppler", "dp\\.(?:pt|sa|st|ct|scim|audit)\\.", "[A-Za-z0-9._-]", 16),
    Format("1Password service account", "ops_eyJ", "[A-Za-z0-9+/=_-]", 16),
    Format("1Password secret key", "A3-", "[A-Z0-9-]", 20, ordinary=True),
    Format("age", "AGE-SECRET-KEY-1", "[A-Za-z0-9]", 16),
    Format("AWS access key", "A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])", "[A-Z0-9]", 8, ordinary=True),
    Format("AWS access key, whole", "A(?:KIA|SIA|BIA|CCA)", "[A-Z0-9]", 16),
    Format("AWS AppSync", "da2-", "[a-z0-9]", 16),
    Format("AWS Bedrock", "(?:ABSK|bedrock-api-key-)", "[A-Za-z0-9+/=]", 24, ordinary=True),
    Format("Google, authorization key", "AQ\\.Ab", _B64URL, 16),
    Format("Google API", "AIza", "[A-Za-z0-9_-]", 17),
    Format("Google OAuth", "ya29\\.", "[A-Za-z0-9._-]", 12),
    Format("Google OAuth client", "GOCSPX-", _B64URL, 10),
    Format("Alibaba", "LTAI", _B62, 8, ordinary=True),
    Format("Tencent", "AKID", _B62, 16, ordinary=True),
    Format("Yandex", "(?:t1\\.|AQVN|y[0-3]_)", "[A-Za-z0-9_-]", 20, ordinary=True),
    Format("SendGrid", "SG\\.", "[A-Za-z0-9._-]", 20),
    Format("Mailgun", "(?:key|pubkey)-", "[a-f0-9]", 16),
    Format("Brevo", "x(?:keysib|smtpsib)-", "[A-Za-z0-9-]", 16),
    Format("Twilio", "(?:SK|AC)", "[a-f0-9:]", 16),  # `AC…:…`: the account and its secret
    Format("Resend", "re_", "[A-Za-z0-9_]", 16, ordinary=True),
    Format("Notion", "(?:secret|ntn)_", _B62, 20, ordinary=True),
    Format("Airtable", "pat[A-Za-z0-9]{14}\\.", _HEX, 20),
    Format("Linear", "lin_(?:api|oauth)_", _B62, 16),
    Format("Figma, whole", "figd_", _B62, 20),
    Format("Figma", "fig[dou]_", _B64URL, 16, ordinary=True),
    Format("Postman", "PMA[KT]-", "[A-Za-z0-9-]", 16),
    Format("ReadMe", "rdme_", "[a-z0-9]", 16, ordinary=True),
    Format("Sentry", "sntr(?:ys|yu)_", "[A-Za-z0-9+/=_-]", 16),
    Format("Grafana", "gl(?:sa|c)_", "[A-Za-z0-9+/=_]", 16),
    Format("New Relic", "NR(?:AA|AK|AL|II|IQ|JS|RA|MA)-", _B64URL, 12),
    Format("Dynatrace", "dt0[a-z][0-9]{2}\\.", "[A-Za-z0-9.]", 12),
    Format("Datadog, application", "ddapp_", _B62, 16),
    Format("PostHog", "ph[cx]_", _B62, 16),
    Format("LaunchDarkly", "(?:api|sdk|mob)-", _UUID, 18, ordinary=True),
    Format("Databricks", "dapi", "[a-f0-9]", 16),
    Format("PlanetScale", "pscale_(?:tkn|oauth|pw)_", "[A-Za-z0-9._=-]", 12),
    Format("Supabase", "sb(?:p|_secret|_publishable)_", "[A-Za-z0-9_-]", 15),
    Format("Neon", "napi_", _B62, 16, ordinary=True),
    Format("Vercel", "vc[a-z]_", _B62, 12, ordinary=True),
    Format("Vercel Blob", "vercel_blob_rw_", "[A-Za-z0-9_]", 16),
    Format("Netlify", "nf[pcoub]_", _B62, 16),
    Format("Fly.io", "(?:fo1_|fm2_)", "[A-Za-z0-9+/=_-]", 16),
    Format("Heroku", "HRKU-", "[A-Za-z0-9_-]", 16),
    Format("Render", "rnd_", _B62, 16, ordinary=True),
    Format("Cloudflare", "(?:v1\\.0-|cf(?:k|ut|at)_)", "[A-Za-z0-9-]", 20, ordinary=True),
    Format("Tailscale", "tskey-(?:auth|api|client|webhook|scim)-", "[A-Za-z0-9-]", 12),
    Format("ngrok", "ngrok_", _B62, 16, ordinary=True),
    Format("OpenShift", "sha256~", _B64URL, 20),
    Format("Infracost", "ico-", _B62, 16, ordinary=True),
    Format("Square", "(?:EAAA|sq0(?:atp|csp|idp)-)", "[A-Za-z0-9_-]", 11),
    Format("Facebook", "EAA[A-Za-z]", _B62, 30, ordinary=True),
    Format("Flutterwave", "FLW(?:SECK|PUBK)(?:_TEST)?-", "[A-Za-z0-9-]", 12),
    Format("Razorpay", "rzp_(?:live|test)_", _B62, 7),
    Format("Lob", "(?:live|test)_(?:pub_)?", "[a-f0-9]", 17),
    Format("Plaid", "access-(?:sandbox|development|production)-", "[a-f0-9-]", 16),
    Format("Adyen", "AQE[CDG-KN-Za-z0-9]", "[A-Za-z0-9+/=*-]", 23, ordinary=True),
    Format("Typeform", "tfp_", "[A-Za-z0-9._-]", 20),
    Format("Contentful", "CFPAT-", _B64URL, 16),
    Format("Beamer", "b_", "[a-z0-9=_-]", 22, ordinary=True),
    Format("Adafruit IO", "aio_", _B62, 14),
    Format("Mapbox secret", "sk\\.eyJ", "[A-Za-z0-9_.-]", 16),
    Format("42 Intra", "s-s4t2(?:ud|af)-", "[a-f0-9]", 16),
    Format("Prefect", "pn[ub]_", _B62, 16, ordinary=True),
    Format("Pulumi", "pul-", _HEX, 16),
    Format("Buildkite", "bk(?:ua|t|s|pt|ct|aj)_", _HEX, 16),
    Format("CircleCI", "CCI(?:PAT|PRJ)_", "[A-Za-z0-9_]", 16),
    Format("Sourcegraph", "s(?:g[pd]|lk)_", "[A-Za-z0-9_]", 16, ordinary=True),
    Format("SonarQube", "sq[pua]_", _HEX, 16),
    Format("Snyk", "snyk_uat\\.", "[A-Za-z0-9._-]", 16),
    Format("Scaleway", "SCW", "[A-Z0-9]", 14, ordinary=True),
    Format("EasyPost", "EZ[AT]K", _B62, 20, ordinary=True),
    Format("Duffel", "duffel_(?:test|live)_", _B64URL, 16),
    Format("Shippo", "shippo_(?:test|live)_", _HEX, 16),
    Format("Frame.io", "fio-u-", _B64URL, 16),
    Format("HubSpot", "pat-(?:na|eu|ap)[0-9]-", _UUID, 18),
    Format("NuGet", "oy2", "[a-z0-9]", 21, ordinary=True),
    Format("NuGet, whole", "oy2", "[a-z0-9]", 40),
    Format("JFrog", "(?:AKCp|cmVmdGtu)", _B62, 20),
    Format("Dropbox", "sl\\.(?:u\\.)?", _B64URL, 40, ordinary=True),
    Format("LlamaIndex", "llx-", _B62, 16, ordinary=True),
    Format("Voyage AI", "pa-", _B64URL, 30, ordinary=True),
    Format("Anyscale", "esecret_", _B62, 13),
    Format("Modal", "a[ks]-", _B62, 20, ordinary=True),
    Format("RunPod", "rpa_", _B62, 20, ordinary=True),
    Format("Browserbase", "bb_(?:live|test)_", _B64URL, 10),
    Format("PromptLayer", "pl_", "[a-f0-9]", 20),
    Format("Logfire", "pylf_v[0-9]_", "[A-Za-z0-9_]", 16),
    Format("Apify", "apify_api_", _B62, 16),
    Format("Scrapfly", "scp-(?:live|test)-", "[a-f0-9]", 16),
    Format("Trigger.dev", "tr_(?:dev|prod|stg|preview)_", _B62, 10, ordinary=True),
    Format("Inngest", "signkey-(?:prod|test|branch)-", "[a-f0-9]", 16),
    Format("Daytona", "dtn_", "[a-f0-9]", 16),
    Format("Val Town", "vtwn_", _B62, 16),
    Format("Turbopuffer", "tpuf_", _B62, 16),
    Format("Axiom", "xa[ap]t-", _UUID, 18),
    Format("Honeycomb", "hc[a-z]ik_", _B62, 16),
    Format("Scalingo", "tk-us-", _B64URL, 20, ordinary=True),
    Format("dbt", "dbt[cu]_", _B64URL, 16, ordinary=True),
    Format("MailerSend", "mlsn\\.", "[a-f0-9]", 20),
    Format("Defined Networking", "dnkey-", "[A-Za-z0-9=_-]", 20, ordinary=True),
    Format("WakaTime", "waka_", _UUID, 18),
    Format("Deno", "dd[pw]_", _B62, 16, ordinary=True),
    Format("Xata", "xau_", _B62, 16, ordinary=True),
    Format("MongoDB Atlas", "mdb_sa_sk_", _B64URL, 16),
    Format("CockroachDB", "CCDB1_", "[A-Za-z0-9_]", 16),
    Format("Polar", "polar_(?:oat|pat|rst)_", _B62, 16),
    Format("Paddle", "pdl_(?:live|sdbx)_", "[A-Za-z0-9_]", 16),
    Format("Mercado Pago", "APP_USR-", "[a-f0-9-]", 20),
    Format("Midtrans", "Mid-server-", _B64URL, 10),
    Format("Amazon MWS", "amzn\\.mws\\.", _UUID, 18),
    Format("Ory", "ory_(?:pat|at|rt|st)_", _B64URL, 16, ordinary=True),
    Format("Stytch", "secret-(?:test|live)-", _B64URL, 16, ordinary=True),
    Format("Persona", "persona_(?:production|sandbox)_", _UUID, 18),
    Format("Zuplo", "zpka_", "[A-Za-z0-9_]", 16),
    Format("Zoho", "1000\\.", "[a-f0-9.]", 40),
    Format("Harness", "[ps]at\\.[A-Za-z0-9_-]{22}\\.[a-f0-9]{24}\\.", _B62, 10),
    Format("Octopus Deploy", "API-", "[A-Z0-9]", 16, ordinary=True),
    Format("Rootly", "rootly_", _HEX, 16),
    Format("Bitwarden", "0\\.[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}\\.", "[A-Za-z0-9:+/=]", 20),
    Format("Elastic Cloud", "essu_", "[A-Za-z0-9+/=_-]", 20, ordinary=True),
    Format("Aiven", "AVNS_", _B64URL, 12),
    Format("Confluent", "cflt", "[A-Za-z0-9+/]", 30, ordinary=True),
    Format("Infisical", "st\\.[a-f0-9]{24}\\.", "[a-f0-9.]", 20),
    Format("PubNub", "sec-c-", "[A-Za-z0-9+/=-]", 16, ordinary=True),
    Format("Adobe", "p8e-", "[A-Za-z0-9-]", 16, ordinary=True),
    Format("JetBrains", "perm-", "[A-Za-z0-9+/=.]", 24, ordinary=True),
    Format("LinkedIn", "WPL_AP[01]\\.", "[A-Za-z0-9.=]", 16),
    Format("LinkedIn, access", "AQV", "[A-Za-z0-9_-]", 40, ordinary=True),
    Format("Pinterest", "pina_", _B62, 20, ordinary=True),
    Format("Iterative", "isat_", _B62, 16, ordinary=True),
    Format("Unkey", "unkey_", _B62, 16, ordinary=True),
    Format("DevCycle", "dvc_(?:server|client|mobile)_", "[a-f0-9_]", 16),
    Format("Samsara", "samsara_api_", _B62, 16, ordinary=True),
    Format("GitBook", "gb_api_", _B62, 16, ordinary=True),
    Format("UpCloud", "ucat_", _B62, 16, ordinary=True),
    Format("Akamai", "akab-", "[a-z0-9-]", 16, ordinary=True),
    Format("Baidu", "ALTAK-", "[A-Za-z0-9/]", 10, ordinary=True),
    Format("Volcengine", "AKLT", _B62, 16, ordinary=True),
    Format("Ubidots", "BBFF-", _B62, 16, ordinary=True),
    Format("SettleMint", "sm_(?:aat|pat|sat)_", _B62, 10, ordinary=True),
    Format("Discord bot", "[MNO][TDjz][A-Za-z0-9]{22,26}\\.[A-Za-z0-9_-]{6}\\.", _B64URL, 20),
    Format("Grafana, before version 9", "eyJrIjoi", "[A-Za-z0-9+/=]", 32),
    Format("JSON web token", "eyJ[A-Za-z0-9_-]{5,2000}\\.", "[A-Za-z0-9_.-]", 8),
    Format("JSON web token, cut", "eyJ(?:hbGciO|0eXAiO|raWQiO|wYXlsb2FkIjo)", "[A-Za-z0-9_-]", 8),
    Format("Discord user", "mfa\\.", _B64URL, 40),
    Format("Mandrill", "md-", _B64URL, 16, ordinary=True),
    Format("Context7", "ctx7sk-", _UUID, 18),
    Format("Conekta and alike", "key_(?:live|test|prod)_", _B62, 12, ordinary=True),
    Format("Chutes", "cpk_", "[A-Za-z0-9.]", 24, ordinary=True),
    Format("OpenAI session", "sess-", _B62, 20, ordinary=True),
    Format("Mercury", "secret-token:mercury_", _B62, 10),
    Format("Brave Search", "BSA", _B64URL, 24, ordinary=True),
    Format("Trello", "ATTA", _HEX, 32),
    Format("Docker Swarm", "SWMTKN-1-", "[a-z0-9-]", 20),
    Format("Xendit", "xnd_(?:production|development)_", _B62, 16),
    Format("Mercado Pago, test", "TEST-[0-9]{16}-", "[a-f0-9-]", 20),
    Format("Login with Amazon", "Atz[ar]\\|", "[A-Za-z0-9_-]", 32),
    Format("Login with Amazon, client", "amzn1\\.oa2-cs\\.v1\\.", "[a-f0-9]", 16),
    Format("Intercom", "dG9rOj", "[A-Za-z0-9+/=]", 20, ordinary=True),
    Format("PASETO", "v[1-4]\\.(?:local|public)\\.", _B64URL, 32),
    Format("Bitcoin, extended private key", "[tvxyzu]prv", _B62, 60),
    Format("Instagram", "IGQ", _B64URL, 40, ordinary=True),
    Format("Iron session", "Fe26\\.2\\*", "[A-Za-z0-9_*-]", 16),
)

INNER_FORMATS: Final[tuple[InnerFormat, ...]] = (
    InnerFormat("PayPal Braintree", "$", r"\$(?<=access_token\$)(?:production|sandbox)\$[a-z0-9$]{16,200}"),
    InnerFormat("Telegram bot", ":aa", r":aa(?<=[0-9]{8}:aa)[a-z0-9_-]{16,60}"),
    InnerFormat("Google refresh token", "1//0", r"1//0[a-z0-9_-]{20,512}"),
    InnerFormat("Azure AD client secret", "8q~", r"8q~[a-z0-9_~.-]{16,64}"),
    InnerFormat("Terraform Cloud", ".atlasv1.", r"\.atlasv1\.(?<=[a-z0-9]{14}\.atlasv1\.)[a-z0-9_-]{16,512}"),
    InnerFormat("Firebase server", ":apa91b", r":apa91b(?<=aaaa[a-z0-9_-]{7}:apa91b)[a-z0-9_-]{32,256}"),
    InnerFormat("MaxMind", "_mm", r"_mm(?<=[a-z0-9]{6}_[a-z0-9]{29}_mm)[k]"),
    InnerFormat("Salesforce", "!aq", r"!aq(?<=00d[a-z0-9]{12}!aq)[a-z0-9._]{16,512}"),
    InnerFormat("Asana", "/1", r"/1(?<=[12]/1)[0-9]{15}(?:/[0-9]{16})?:[a-f0-9]{16,32}"),
    InnerFormat("Azure, common format", "jqqj99", r"jqqj99(?<=[a-z0-9]{16}jqqj99)[a-z0-9]{16,64}"),
    InnerFormat("New Relic license", "nra", r"nra(?<=[a-f0-9]{28}nra)[l]"),
    InnerFormat("Mailchimp", "-us", r"-us(?<=[a-f0-9]{32}-us)[0-9]{1,3}"),
)

# Where a token can be recognised: by the separator of its prefix, or by its first characters if it has none. What
# follows has a digit or a capital, unless it is longer than most words or the prefix before it allows none. Each begins
# with one literal character, which is found fastest, and consumes only it, so that a mark directly behind another is
# found as well.
_SMALL: Final = atomic("[a-z_+/=.~*-]{0,24}", "small")
_ALPHABETIC_UNDERSCORE: Final = "hf_ gho_ ghp_ ghu_ ghs_ ghr_ npm_ _pat_ live_ test_ prod_ gsk_ r8_"
_ALPHABETIC_DASH: Final = "sk- proj- glpat- oxb- oxp- oxa- oxs- 0atp- 0csp- CSPX- y-auth- y-api-"
_BEFORE_DASH: Final = (  # a UUID has other characters
    "[g-zG-Z]- [xX][a-e]- [fF][cC]- [io]b- lf- [ua][df]- GE- [ARM]A- KN- ST- FF- pa- kab- ec-c- "
    "p8e- v[0-9]- \\.0- da2- A3- md-"
)


def _any_before(patterns: str) -> str:
    return f"(?:{'|'.join(f'(?<={pattern})' for pattern in patterns.split())})"


TOKEN_MARKS: Final[tuple[str, ...]] = (
    f"_(?:(?={_SMALL}[A-Z0-9])(?=[A-Za-z0-9_+/=.~-]{{7}})|(?=[a-z]{{16}})|{_any_before(_ALPHABETIC_UNDERSCORE)}(?=[a-z]{{8}}))",
    (
        f"-(?<=[A-Za-z0-9]-)(?:{_any_before(_BEFORE_DASH)}(?={_SMALL}[A-Z0-9])(?=[A-Za-z0-9_+/=.-]{{7}})"
        f"|(?=[a-z]{{16}})|{_any_before(_ALPHABETIC_DASH)}(?=[a-z]{{8}}))"
    ),
    rf"\.(?:(?<=SG\.)|(?={_SMALL}[A-Z0-9])|(?=[a-z]{{16}}))(?=[A-Za-z0-9_.~*-]{{8}})",
    "A(?=[A-Z0-9][A-Za-z0-9]{10}|Iza|tz[ar]\\||TATT3|TCTT3|BSK|QE[A-Za-z]|QV[A-Za-z0-9_-]{40})",
    "A(?<=LTA)(?=I)",
    "G(?=R1348941)",
    "S(?=K[a-f0-9]{16}|CW[A-Z0-9]{12}|(?<=BS)A[A-Za-z0-9_-]{24})",
    "e(?=yJ)",
    "E(?=Z[AT]|AA)",
    "~(?<=256~)",
    "c(?=io[A-Za-z0-9]{28}|mVmdGtu[A-Za-z0-9]{12}|flt[A-Za-z0-9+/]{30})",
    "o(?=y2[a-z0-9]{21})",
    "p(?<=dap)(?=i[a-f0-9]{8})",
    "r(?=v[A-Za-z0-9]{60})",
    "d(?=G9rOj[A-Za-z0-9+/=]{20})",
    "I(?=GQ[A-Za-z0-9_-]{40})",
)
