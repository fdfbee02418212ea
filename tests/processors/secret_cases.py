"""A corpus of secrets to hide and of harmless values to keep, written from the rules alone and generated with a seed.

``hidden_cases`` are values with the part of them that must not be recorded; ``harmless_cases`` must stay unchanged. They
cover the same kinds as the samples in ``test_secret_corpus.py`` and share no value with them.
"""

# ruff: noqa: E501 - a table with a case per line; the seed makes the same cases every time

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

_B62 = (string.ascii_lowercase + string.ascii_uppercase) + string.digits
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
_URL = _B62 + "_-"

# fmt: off
_PASSWORDS = [
    "hunter2", "S3cr3t!", "tr0ub4dor&3", "letmein99", "Sommer2024!", "p4ssw0rd", "Zx9#kLm2", "qwerty123", "myDogRex7", "Pa55word",
    "9fKq2mZ", "bluewhale42", "abcCANARY", "fooCANARYbar", "R0ckst4r", "xK8$vPq1", "admin1234", "W1nter", "mNbVcXz1", "tiger77tiger",
]
_TOKENS: list[Callable[[random.Random], str]] = [
    lambda r: _of(r, _B62, 32), lambda r: _of(r, _HEX, 40), lambda r: _of(r, _URL, 24).strip("-_") + "7x", lambda r: _of(r, _B62, 16) + "9",
    lambda r: "abc" + _of(r, _B62, 12) + "1Z", lambda r: "tok" + _of(r, string.digits, 10) + "Q",
]

# Issuer, and a token of the right prefix and alphabet; many are shorter than documented, none has a checksum.
_VENDORS: list[tuple[str, str, str, int]] = [
    ("openai legacy", "sk-", _B62, 48), ("openai project", "sk-proj-", _URL, 60), ("openai service", "sk-svcacct-", _URL, 60), ("openai admin", "sk-admin-", _URL, 50),
    ("anthropic", "sk-ant-api03-", _URL, 60), ("anthropic admin", "sk-ant-admin01-", _URL, 60), ("openrouter", "sk-or-v1-", _HEX, 64), ("deepseek", "sk-", _HEX, 32),
    ("groq", "gsk_", _B62, 52), ("xai", "xai-", _B62, 80), ("perplexity", "pplx-", _HEX, 48), ("tavily", "tvly-", _B62, 32), ("tavily dev", "tvly-dev-", _B62, 32),
    ("hugging face", "hf_", (string.ascii_lowercase + string.ascii_uppercase), 34), ("replicate", "r8_", _B62, 37), ("fireworks", "fw_", _B62, 24), ("pinecone", "pcsk_", _B62 + "_", 60),
    ("nvidia", "nvapi-", _URL, 64), ("langfuse secret", "sk-lf-", _HEX + "-", 36), ("langsmith", "lsv2_sk_", _HEX, 32), ("cerebras", "csk-", string.ascii_lowercase + string.digits, 48),
    ("jina", "jina_", _HEX, 32), ("github", "ghp_", _B62, 36), ("github oauth", "gho_", _B62, 36), ("github user", "ghu_", _B62, 36), ("github server", "ghs_", _B62, 36),
    ("github refresh", "ghr_", _B62, 36), ("github fine-grained", "github_pat_", _B62 + "_", 82), ("gitlab", "glpat-", _URL, 20), ("gitlab deploy", "gldt-", _URL, 20),
    ("gitlab runner", "glrt-", _URL, 20), ("gitlab trigger", "glptt-", _HEX, 40), ("bitbucket", "ATBB", _B62, 32), ("atlassian", "ATATT3xFfGF0", _URL, 60),
    ("slack bot", "xoxb-", string.digits + "-" + _B62, 40), ("slack user", "xoxp-", string.digits + "-", 40), ("slack app", "xapp-1-A", _UPPER + "-", 40), ("slack legacy", "xoxs-", string.digits + "-", 36),
    ("aws", "AKIA", string.ascii_uppercase + "234567", 16), ("aws session", "ASIA", string.ascii_uppercase + "234567", 16), ("google", "AIza", _URL, 35), ("google oauth", "ya29.", _URL, 60),
    ("google client", "GOCSPX-", _URL, 28), ("alibaba", "LTAI", _B62, 20), ("digitalocean", "dop_v1_", _HEX, 64), ("digitalocean oauth", "doo_v1_", _HEX, 64),
    ("digitalocean refresh", "dor_v1_", _HEX, 64), ("heroku", "HRKU-", _HEX + "-", 36), ("stripe", "sk_test_", _B62, 24), ("stripe restricted", "rk_test_", _B62, 24), ("stripe live", "sk_live_", _B62, 40),
    ("stripe webhook", "whsec_", _B62, 32), ("square", "sq0atp-", _URL, 22), ("square secret", "sq0csp-", _URL, 43), ("paypal braintree", "access_token$production$", _HEX, 48),
    ("plaid", "access-sandbox-", _HEX, 32), ("shopify", "shpss_", _HEX, 32), ("shopify custom", "shpca_", _HEX, 32), ("shopify partner", "shppa_", _HEX, 32), ("sendgrid", "SG.", _URL, 66),
    ("mailgun", "key-", _HEX, 32), ("brevo", "xkeysib-", _HEX, 64), ("twilio key", "SK", _HEX, 32), ("npm", "npm_", _B62, 36), ("pypi", "pypi-AgEIcHlwaS5vcmc", _URL, 60),
    ("rubygems", "rubygems_", _HEX, 48), ("docker hub", "dckr_pat_", _URL, 27), ("docker org", "dckr_oat_", _URL, 27), ("vault", "hvs.", _URL, 60), ("vault batch", "hvb.", _URL, 60),
    ("doppler", "dp.pt.", _B62, 43), ("age", "AGE-SECRET-KEY-1", _UPPER, 58), ("notion", "ntn_", _B62, 46), ("notion old", "secret_", _B62, 43), ("airtable", "patAbCdEfGhIjKlMn.", _HEX, 64),
    ("linear", "lin_api_", _B62, 40), ("figma", "figd_", _URL, 40), ("postman", "PMAK-", _HEX, 50), ("sentry user", "sntryu_", _HEX, 64), ("grafana", "glsa_", _B62, 32), ("grafana cloud", "glc_", _B62, 40),
    ("new relic", "NRAK-", _UPPER, 27), ("new relic insights", "NRII-", _URL, 32), ("dynatrace", "dt0c01.", _UPPER, 24), ("posthog", "phc_", _B62, 43), ("posthog personal", "phx_", _B62, 43),
    ("databricks", "dapi", _HEX, 32), ("planetscale", "pscale_tkn_", _URL, 32), ("planetscale password", "pscale_pw_", _URL, 32), ("supabase", "sbp_", _HEX, 40), ("supabase secret", "sb_secret_", _URL, 31),
    ("netlify", "nfp_", _B62, 36), ("fly", "fo1_", _URL, 43), ("render", "rnd_", _B62, 32), ("telegram", "123456789:AA", _URL, 33), ("terraform", "abcDEF12345678.atlasv1.", _URL, 60),
    ("pulumi", "pul-", _HEX, 40), ("buildkite", "bkua_", _HEX, 40), ("contentful", "CFPAT-", _URL, 43), ("typeform", "tfp_", _URL, 44), ("prefect", "pnu_", _B62, 36), ("sourcegraph", "sgp_", _HEX, 40),
    ("sonarqube", "squ_", _HEX, 40), ("duffel", "duffel_live_", _URL, 43), ("shippo", "shippo_live_", _HEX, 40), ("frame.io", "fio-u-", _URL, 60), ("easypost", "EZAK", _B62, 54), ("adafruit", "aio_", _B62, 28),
    ("readme", "rdme_", _HEX, 70), ("infracost", "ico-", _B62, 32), ("mapbox secret", "sk.eyJ1Ijoi", _B62, 40), ("cloudflare origin", "v1.0-", _HEX, 40), ("clojars", "CLOJARS_", _HEX, 60), ("flutterwave", "FLWSECK_TEST-", _HEX, 32),
    ("facebook", "EAACEdEose0cBA", _B62, 60), ("okta", "SSWS 00", _URL, 40), ("openshift", "sha256~", _URL, 43), ("microsoft teams hook", "https://acme.webhook.office.com/webhookb2/", _HEX + "-", 60),
    ("discord hook", "https://discord.com/api/webhooks/123456789012345678/", _URL, 60), ("lob", "live_", _HEX, 35), ("sendinblue smtp", "xsmtpsib-", _HEX, 64), ("elevenlabs", "sk_", _HEX, 48), ("weights and biases", "wandb_v1_", _B62, 40),
    ("e2b", "e2b_", _HEX, 40), ("vercel", "vcp_", _B62, 24), ("resend", "re_", _B62, 32), ("launchdarkly", "api-", _HEX + "-", 36), ("launchdarkly sdk", "sdk-", _HEX + "-", 36), ("mailchimp", "", _HEX, 32),
    ("volt", "sk_volt_", _B62, 24), ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", _URL, 43), ("rsa jwt", "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.", _URL, 80), ("azure ad secret", "abc8Q~", _URL, 34), ("google refresh", "1//0g", _URL, 60),
    ("tailscale", "tskey-auth-", _B62, 28), ("ngrok", "ngrok_", _B62, 32), ("1password", "ops_eyJ", _B62, 80), ("intra42", "s-s4t2ud-", _HEX, 64), ("beamer", "b_", _B62, 44), ("hashicorp boundary", "at_", _B62, 40),
]

_STRONG_NAMES = [
    "password", "Password", "PASSWORD", "db_password", "dbPassword", "DB-PASSWORD", "userPassword", "password2", "new_password_confirm", "oldPassword", "passwd", "PASSWD", "passphrase", "keyPassphrase",
    "client_secret", "clientSecret", "CLIENT-SECRET", "secret", "appSecret", "webhook_secret", "secret_key", "SECRET_KEY", "api_key", "apiKey", "API_KEY", "apikey", "api-key", "x-api-key", "apiKeyV2",
    "openai_api_key", "private_key", "privateKey", "PRIVATE-KEY", "ssh_private_key", "pin", "user_pin", "card_pin", "otp", "otp_code", "cvv", "cvc", "passcode", "pass_code", "door_passcode", "pwd", "userPwd", "db_pwd",
    "contraseña", "contrasena", "passwort", "Kennwort", "mot_de_passe", "senha", "wachtwoord", "hasło", "пароль", "密码", "credentials", "aws_secret_access_key", "secretAccessKey", "encryption_key", "signingKey", "master_key",
    "access_key", "authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "connection_string_password", "smtp_password", "rootPassword", "sudo_password", "ldap_bind_password", "keystore_password", "totp_secret",
    "jwt_secret", "hmac_secret", "shared_secret", "consumer_secret", "password_hash", "passwordSalt", "pg_password", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD", "wifi_password", "api_secret", "bot_secret", "security_code",
]
_WEAK_NAMES = [
    "token", "access_token", "accessToken", "ACCESS_TOKEN", "refresh_token", "id_token", "auth_token", "authToken", "api_token", "bot_token", "GITHUB_TOKEN", "HF_TOKEN", "session_token", "csrf_token", "x-auth-token",
    "X-Access-Token", "bearer", "bearerToken", "auth", "basic_auth", "key", "license_key", "pass", "db_pass", "dbPass", "smtp_pass", "jwt", "device_token", "push_token", "verification_token", "reset_token", "invite_token",
    "oauth_token", "personal_access_token", "deploy_key", "encryptionKey", "storage_key", "subscription-key", "Ocp-Apim-Subscription-Key", "account_key", "token_v2", "apiTokenV2", "slack_token", "npm_token",
]
# fmt: on


def _of(source: random.Random, alphabet: str, length: int) -> str:
    text = "".join(source.choice(alphabet) for _ in range(length))
    return "a" + text[1:] if text[:1] in "-_" else text


def _password(source: random.Random) -> str:
    return source.choice(_PASSWORDS)


def _token(source: random.Random) -> str:
    return source.choice(_TOKENS)(source)


def _random_part(source: random.Random, alphabet: str, length: int) -> str:
    """Characters of an alphabet with at least one digit and no separator at either end."""
    text = _of(source, alphabet, length)
    inner = text.strip("-_") or "x7"
    return inner if any(map(str.isdigit, inner)) or not set(string.digits) & set(alphabet) else inner[:-1] + "7"


def _vendor_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    around = [
        "before {} after",
        "the key is {}.",
        "{}",
        "export X={}",
        '{{"value": "{}"}}',
        "used `{}` to call it",
        "({})",
        "curl https://x.dev -d '{}'",
        "key: {}\n",
        "[{}] ok",
    ]
    for issuer, prefix, alphabet, length in _VENDORS:
        for share in (1.0, 0.6):
            rest = _random_part(source, alphabet, max(10, int(length * share)))
            suffix = "-us14" if issuer == "mailchimp" else ""
            if issuer == "mailchimp":
                rest = _of(source, _HEX, 32)
            token = prefix + rest + suffix
            yield source.choice(around).format(token), rest


def _key_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    for name in _STRONG_NAMES:
        secret = _password(source)
        yield {name: secret}, secret
        yield {"user": "bob", "options": [{name: f"Xq7{name}Zp9"}]}, f"Xq7{name}Zp9"
    for name in _WEAK_NAMES:
        secret = _token(source)
        yield {name: secret}, secret
    for name in ("password", "pin", "otp", "user_pin", "cvv", "passcode", "secret", "api_key"):
        number = source.randrange(100_000, 999_999)
        yield {name: number}, str(number)
        yield {"form": {name: str(number)}}, str(number)
    for name in ("password", "secret", "passphrase", "client_secret"):
        yield {name: "correct horse battery staple"}, "battery staple"
        yield {name: "swordfish"}, "swordfish"
    yield {"passwords": ["hunter2", "S3cr3t!"]}, "S3cr3t!"
    yield {"secrets": {"prod": "abcCANARY", "dev": "qwerty123"}}, "abcCANARY"
    yield {"credentials": {"user": "bob", "pw": "Zx9#kLm2"}}, "Zx9#kLm2"
    yield {"api_keys": ["9fKq2mZ9fKq2mZ", "aa11bb22cc33"]}, "aa11bb22cc33"


def _structure_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    header_names = [
        "Authorization",
        "X-Api-Key",
        "Cookie",
        "api-key",
        "X-Auth-Token",
        "Proxy-Authorization",
        "Set-Cookie",
        "x-goog-api-key",
        "X-Vault-Token",
        "apikey",
    ]
    env_names = [
        "DB_PASSWORD",
        "API_TOKEN",
        "OPENAI_API_KEY",
        "SECRET_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "JWT_SECRET",
        "REDIS_PASS",
        "SENTRY_AUTH_TOKEN",
        "PGPASSWORD",
    ]
    flags = [
        "--password",
        "--token",
        "--api-key",
        "--secret",
        "--client-secret",
        "--passphrase",
        "--access-token",
        "--auth-token",
        "--db-password",
        "-password",
    ]
    for name in header_names:
        secret = _token(source)
        value = f"Bearer {secret}" if "uthorization" in name else f"sid={secret}" if "ookie" in name else secret
        yield {"headers": [[name, value], ["Accept", "*/*"]]}, secret
        yield {"headers": [{"name": name, "value": value}]}, secret
        yield {"request": {"headers": {name.lower(): [value]}}}, secret
        yield {"header": {"key": name, "value": value}}, secret
        yield ["curl", "-H", f"{name}: {value}", "https://api.dev"], secret
        yield {"raw": f"GET / HTTP/1.1\r\nHost: x.dev\r\n{name}: {value}\r\nAccept: */*\r\n\r\n"}, secret
        yield f"headers = {{'{name}': '{value}'}}", secret
        yield f'-H "{name}: {value}"', secret
    for name in env_names:
        secret = _token(source) if "TOKEN" in name or "KEY" in name else _password(source)
        yield {"env": [f"{name}={secret}", "PATH=/usr/bin"]}, secret
        yield {"env": [{"name": name, "value": secret}]}, secret
        yield {"environment": {name: secret}}, secret
        yield f"export {name}={secret}", secret
        yield f"{name}={secret}\nDEBUG=1\n", secret
        yield f'{name}="{secret}"', secret
        yield f"docker run -e {name}={secret} image", secret
        yield f"set {name}={secret}", secret
        yield f"$env:{name} = '{secret}'", secret
        yield f"os.environ['{name}'] = '{secret}'", secret
        yield f"  {name}: {secret}\n  OTHER: x", secret
        yield f'process.env.{name} = "{secret}"', secret
    for flag in flags:
        secret = _token(source) if "token" in flag or "key" in flag else _password(source)
        yield ["tool", flag, secret, "--verbose"], secret
        yield ["tool", f"{flag}={secret}"], secret
        yield {"argv": ["run.sh", "-v", flag, secret]}, secret
        yield f"tool {flag} {secret} --verbose", secret
        yield f"tool {flag}={secret}", secret
        yield f"tool {flag} '{secret}'", secret
    for _ in range(6):
        secret = _password(source)
        yield ["curl", "-u", f"bob:{secret}", "https://x.dev"], secret
        yield ["curl", "--user", f"bob:{secret}", "https://x.dev"], secret
        yield (
            {"args": {"password": secret}, "error": f"login failed for bob with '{secret}'"}
            if len(secret) >= 6
            else {"password": secret},
            secret,
        )
        yield json.dumps({"user": "bob", "password": secret}), secret
        yield {"arguments": json.dumps({"user": "bob", "db_password": secret})}, secret
        yield {"arguments": json.dumps({"body": json.dumps({"client_secret": secret})})}, secret
        yield repr({"user": "bob", "password": secret}), secret
        yield {"tool_calls": [{"function": {"name": "login", "arguments": json.dumps({"passcode": secret})}}]}, secret
        yield [["user", "bob"], ["password", secret]], secret
        yield {"params": [{"key": "client_secret", "value": secret}]}, secret
        yield {"name": "password", "value": secret}, secret
        yield {"form": [{"field": "password", "value": secret}]}, secret


def _url_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    schemes = [
        "postgres",
        "postgresql+asyncpg",
        "mysql",
        "mongodb+srv",
        "redis",
        "amqp",
        "https",
        "http",
        "ftp",
        "smtp",
        "rediss",
        "mssql+pyodbc",
        "clickhouse",
        "kafka",
        "ldap",
    ]
    for scheme in schemes:
        secret = _password(source).replace("#", "").replace("&", "")
        url = f"{scheme}://app:{secret}@db.internal:5432/main"
        yield (
            source.choice(
                [
                    f"connecting to {url}",
                    url,
                    f"DATABASE_URL={url}",
                    f'url = "{url}"',
                    f"could not reach {url}: timeout",
                ]
            ),
            secret,
        )
        yield {source.choice(["url", "dsn", "DATABASE_URL", "connection", "uri", "endpoint"]): url}, secret
    yield "redis://:hunter2@cache:6379/0", "hunter2"
    yield "git clone https://ghtok3nABCDEF@github.com/a/b.git", "ghtok3nABCDEF"
    yield "https://x-access-token:abc123DEF456@github.com/a/b.git", "abc123DEF456"
    yield "https://oauth2:glabc123DEF456@gitlab.com/a/b.git", "glabc123DEF456"
    for name in (
        "access_token",
        "api_key",
        "apikey",
        "token",
        "key",
        "sig",
        "signature",
        "password",
        "client_secret",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "auth",
        "X-Goog-Signature",
        "refresh_token",
        "code",
        "pwd",
        "secret",
    ):
        secret = _token(source)
        yield f"GET https://api.dev/v1/x?page=2&{name}={secret}&limit=10", secret
        yield {"url": f"https://api.dev/v1/x?{name}={secret}"}, secret
    for text in (
        "Server=db;Database=x;User Id=sa;Password={};Encrypt=true",
        "Data Source=db;User ID=sa;Pwd={};",
        "host=db port=5432 user=app password={} dbname=x",
        "jdbc:postgresql://h/db?user=app&password={}",
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={}=",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;EndpointSuffix=core.windows.net",
        "AccountEndpoint=https://x.documents.azure.com/;AccountKey={}==;",
        "Driver={{ODBC}};Server=x;Uid=sa;Pwd={};",
        "HostName=x.azure-devices.net;DeviceId=d;SharedAccessKey={}",
        "amqps://guest:{}@mq/vhost",
        "jdbc:oracle:thin:scott/x@//h:1521/s?password={}",
        "sftp://deploy:{}@host/path",
        "mysql://u:{}@tcp/db",
    ):
        secret = _token(source)
        yield text.format(secret), secret
        yield {"connection_string": text.format(secret)}, secret


def _text_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    quoted = [
        'password = "{}"', "password='{}'", 'password: "{}"', "password => '{}'", 'password := "{}"', 'String password = "{}";', "const apiKey = '{}';", 'let client_secret: string = "{}";', "$password = '{}';", 'private static final String SECRET = "{}";',
        'var dbPassword = "{}"', "  api_key: '{}'", 'api_key="{}",', "self.password = '{}'", 'config.secret_key = "{}"', 'config["password"] = "{}"', "settings['SECRET_KEY'] = '{}'", 'password   =   "{}"', "password\t=\t'{}'", 'if password == "{}":',
        'if (user.password != "{}") {{', 'password = """{}"""', "passphrase = r'{}'", 'passwd=b"{}"', 'password: str = "{}"', 'api_key: str | None = "{}"', "connect(host='h', user='u', password='{}')", 'new Client({{ apiKey: "{}" }})', 'client = OpenAI(api_key="{}")', 'Client(secret="{}", region="eu")',
        '{{"password": "{}"}}', "{{'password': '{}', 'user': 'bob'}}", '{{\\"password\\": \\"{}\\"}}', ':password => "{}"', 'setPassword = "{}"', 'password = "{}" # prod', 'SECRET_KEY = "{}"', "DB_PASSWORD = '{}'", 'export DB_PASSWORD="{}"', "db.password='{}'",
        'spring.datasource.password="{}"', '"password" : "{}"', "`password` = '{}'", "UPDATE users SET password = '{}' WHERE id = 1", "ALTER USER bob WITH PASSWORD '{}'", "CREATE USER bob IDENTIFIED BY '{}'", "passphrase: 'the {} horse'", "secret = f'{}'", 'password = u"{}"', 'pass: "{}"', 'assert password != "{}"',
    ]  # fmt: skip
    for text in quoted:
        secret = _password(source)
        secret = secret if len(secret) >= 6 else "hunter2"
        yield text.format(secret), secret
        secret = _token(source)
        yield f"line one\n{text.format(secret)}\nlast line", secret
    unquoted = [
        "password: {}", "password={}", "passwd = {}", "Password: {}", "PASSWORD={}", "user=bob password={} host=x", "secret: {}", "api_key: {}", "api_key={}", "apikey = {}", "client_secret={}&grant_type=x", "username=bob&password={}", "password%3D{}%26user%3Dbob", "password%3D{}",
        "  password: {}\n  user: x", "spring.datasource.password={}", "db.password = {}", "login: bob, password: {}", "user bob, pwd={}", "--password {}", "--password={}", "-password {}", "PGPASSWORD={} psql -h x", "MYSQL_PWD={} mysql", "sshpass -p {} ssh bob@x", "machine h login bob password {}",
        "machine h\n  login bob\n  password {}\n", "default login anonymous password {}", "curl -u bob:{} https://x", "curl --user bob:{} https://x", "curl -ubob:{} https://x", "wget --password={} x", "mysql -u root -p{} db", "<password>{}</password>", "<Password>{}</Password>", '<secret type="x">{}</secret>', "<ns:password>{}</ns:password>",
        "<api_key>{}</api_key>", "REDIS_PASSWORD={}", "passphrase={}", "otp={}", "private_key={}", "The password is: {}", "password={};", "password={}, retrying", "(password={})", "[password: {}]", "auth failed: password={}", "Wrong password: {}", "pin={}", "passcode: {}",
    ]  # fmt: skip
    for text in unquoted:
        secret = source.choice(["hunter2", "R0ckst4r", "bluewhale42", "yamlCANARY", "p4ssw0rd", "9fKq2mZ", "myDogRex7"])
        yield text.format(secret), secret
        yield f"before {text.format(secret)}" + ("" if text.endswith("\n") else "\nafter"), secret
    weak = ["token={}", "token: {}", "access_token={}", "auth_token: {}", "key={}", "GITHUB_TOKEN={}", "token = '{}'", 'token: "{}"', "refresh_token={}&x=1", "session_token={}", "--token {}", "x-auth-token: {}", "Token: {}", '{{"token": "{}"}}', "<token>{}</token>", "jwt={}", "bearer={}", "id_token={}", "csrf_token={}", "token%3D{}"]  # fmt: skip
    for text in weak:
        secret = _token(source)
        yield text.format(secret), secret
        yield (
            f"2026-01-01 12:00:00 INFO {text.format(secret)} done"
            if "=" in text
            else f"note\n{text.format(secret)}\nend",
            secret,
        )


def _header_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    basic = base64.b64encode(b"bob:" + _of(source, _B62, 9).encode()).decode()
    lines = [
        "Authorization: Bearer {}", "authorization: bearer {}", "AUTHORIZATION: Bearer {}", "Authorization: token {}", "Authorization: Token {}", "Authorization: {}", "Authorization: ApiKey {}", "Authorization: Custom {}", "Authorization: OAuth {}", "Authorization: SSWS {}", "Authorization: Bot {}",
        "Proxy-Authorization: Basic {}", "X-Api-Key: {}", "x-api-key: {}", "X-Auth-Token: {}", "X-Access-Token: {}", "X-Vault-Token: {}", "api-key: {}", "X-Goog-Api-Key: {}", "X-Amz-Security-Token: {}", "Private-Token: {}", "Ocp-Apim-Subscription-Key: {}", "X-Csrf-Token: {}", "X-Shopify-Access-Token: {}",
        "Cookie: session={}", "Cookie: theme=dark; sid={}; lang=de", "Set-Cookie: sid={}; Path=/; HttpOnly", "cookie: a=1; b={}", "Cookie: csrftoken=abc; sessionid={}", "Authorization: Digest username=\"bob\", response=\"{}\"", "Authorization: AWS4-HMAC-SHA256 Credential=AK/2026/eu, Signature={}", "Authorization: Hawk id=\"x\", mac=\"{}\"",
        "Authorization:Bearer {}", "Authorization : Bearer {}", "> Authorization: Bearer {}", "< Set-Cookie: id={}; Secure", "'Authorization': 'Bearer {}'", '"Authorization": "Bearer {}"', "\\\"Authorization\\\": \\\"Bearer {}\\\"", "Authorization=Bearer {}", "headers: Authorization: Bearer {}", "with Bearer {} it works", "Bearer {}",
    ]  # fmt: skip
    for line in lines:
        secret = _token(source)
        yield line.format(secret), secret
        secret = _token(source)
        yield f"POST /x HTTP/1.1\n{line.format(secret)}\nContent-Length: 2\n\n{{}}", secret
    yield f"Authorization: Basic {basic}", basic
    yield f"sent Basic {basic} to it", basic
    yield {"headers": f"Authorization: Basic {basic}\nAccept: */*"}, basic


def _block_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    for kind in (
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "DSA PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ):
        body = "\n".join(_of(source, _B62 + "+/", 64) for _ in range(3))
        middle = body.split("\n")[1]
        yield f"key:\n-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\ndone", middle
        yield {"pem": f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"}, middle
        yield json.dumps({"cert": f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"}), middle
        yield f"-----BEGIN {kind}-----\n{body}", middle  # cut off
    for host in (
        "https://hooks.slack.com/services/T0ABCDEF/B0ABCDEF/{}",
        "https://discord.com/api/webhooks/1234567890/{}",
        "https://discordapp.com/api/webhooks/1234567890/{}",
        "https://hooks.zapier.com/hooks/catch/12345/{}/",
        "https://api.telegram.org/bot123456789:AA{}/getMe",
        "https://acme.webhook.office.com/webhookb2/{}",
    ):
        secret = _of(source, _B62, 33)
        yield f"posting to {host.format(secret)} now", secret
        yield {"webhook": host.format(secret)}, secret
    for text in (
        "https://a.blob.core.windows.net/c/f?sv=2022&se=2026&sp=r&sig={}",
        "https://s3.amazonaws.com/b/k?AWSAccessKeyId=AK&Expires=1&Signature={}",
        "https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature={}",
        "https://f.azurewebsites.net/api/x?code={}",
        "https://login.dev/cb?code={}&state=1",
        "https://maps.googleapis.com/maps/api/js?key={}",
    ):
        secret = _of(source, _B62, 30)
        yield text.format(quote(secret)), secret
        yield {"download": text.format(secret)}, secret


def _encoded_cases(source: random.Random) -> Iterator[tuple[Any, str]]:
    for _ in range(5):
        secret = _password(source)
        yield "body=" + quote(f"username=bob&password={secret}", safe=""), quote(secret, safe="")
        yield f"user=bob&pass%77ord=x&client_secret={quote(secret)}", quote(secret)
        yield f"grant_type=password&username=bob&password={quote(secret)}&scope=x", quote(secret)
        yield json.dumps(json.dumps({"password": secret})), secret
        yield "result: " + json.dumps({"user": "bob", "api_key": secret + "X1"}), secret
        yield f"log: {{'api_key': '{secret}X1', 'n': 1}}", secret
        yield (
            f"<config><user>bob</user><password>{secret.replace('&', '')}</password></config>",
            secret.replace("&", ""),
        )
        yield f'<add key="Password" value="{secret.replace("&", "")}" />', secret.replace("&", "")
        yield f'<input type="password" name="password" value="{secret.replace("&", "")}">', secret.replace("&", "")


def hidden_cases(seed: int = 16) -> list[tuple[Any, str]]:
    """Values, each with the part of it that must not be recorded."""
    source = random.Random(seed)
    kinds = (
        _vendor_cases,
        _key_cases,
        _structure_cases,
        _url_cases,
        _text_cases,
        _header_cases,
        _block_cases,
        _encoded_cases,
    )
    return [case for kind in kinds for case in kind(source)]


# fmt: off
_PROSE = [
    "The password must be at least 8 characters long.", "Please reset your password: the link is in your mail.", "Forgot password? Use the link below.", "Password: must not be empty", "Passwords do not match", "Password requirements: one digit, one letter", "Passphrase: a sentence you remember",
    "the secret of success is hard work", "Secret: whisk the eggs first.", "The secret ingredient: butter", "It is an open secret: nobody pays", "a well-kept secret", "Secrets management: a guide for teams", "secret agents: heroes or villains?", "Victoria's Secret: new shop opens",
    "Key points: the market grew, prices fell", "Key: A = good, B = bad", "Key findings: none", "The key is under the mat.", "key takeaway: start early", "Press any key to continue", "primary key: id", "Foreign key: user_id references users", "keyboard: QWERTY", "hotkey: ctrl+k", "monkey: a primate", "Turkey: a country", "whiskey: 12 years",
    "Token: a word or part of a word", "tokens: 1,234 used", "The token limit: 4096", "each token: about four characters", "token usage: prompt 12, completion 30", "Authentication: required", "Authorization: see chapter 5", "Authorization: the manager must approve", "Authorization: none", "Auth: not needed for public pages", "author: Jane Doe", "Authors: Smith, Jones", "authority: local",
    "Cookie: a small baked treat", "Cookies: chocolate chip, oatmeal", "cookie policy: we use cookies", "Cookie settings: manage", "Basic: for beginners", "Basic training starts Monday", "Basic understanding of chemistry", "Bearer of this letter", "the bearer must show a passport", "Bearer tokens are used for this", "Digest of the news", "Token Bearer authentication explained",
    "Pin: the board is full", "pin the message to the top", "PIN: four digits chosen by you", "OTP: one-time password", "otp: sent to your phone", "CVV: on the back of the card", "credentials: ask your administrator", "Credentials: MD, PhD", "credit: 100 points", "passing: 12 of 14", "pass: 3, fail: 1", "bypass: enabled", "compass: broken", "trespassing: forbidden", "encompass: all", "passage: chapter two", "passenger: John Smith",
    "The session: 9 to 10 am", "session: morning", "Signature: ______", "signature: required on delivery", "code: see below", "Status code: 404", "postal code: 10115", "country code: de", "error code: 42", "state: running", "ticket: resolved", "Subject: your password has been changed", "The API key: how to get one", "API keys: best practices", "api key missing", "no api key provided", "Set the api_key parameter",
    "My password is not working since Monday", "She whispered the password and entered.", "What is the secret to a long life?", "The password for success: patience.", "Password (again):", "user name and password: both are required", "password: ********", "password: [hidden]", "password: <your password>", "password: ${DB_PASSWORD}", "password: {{ password }}", "api_key: YOUR_API_KEY", "api_key=<API_KEY>", "token: xxx", "api_key: sk-...", "password=***", "Password: (optional)", "secret: TBD", "password: n/a", "password: not set", "password: unchanged", "token: expired", "token: invalid", "password: incorrect", "password: required",
    "Bring the following: passport, keys, cookies, and a secret.", "The author's secret: writing at night. The key: coffee.", "Cryptography basics: a key, a cipher, a message", "see section Tokens: page 12", "He was the keeper of the keys: Hagrid", "In auth we trust", "passwords: stored as hashes", "Q: What is a token? A: A piece of text.", "1. Password: choose a strong one 2. Token: keep it", "Title: The Secret Garden", "Book: Secrets of the Forest (2019)", "Movie: Password to Paris", "Song: Pass the Dutchie",
]
_CODE = [
    "password = input('Password: ')", "password = getpass.getpass('Enter: ')", "password = os.environ['DB_PASSWORD']", "password = os.getenv('DB_PASSWORD')", "password = config.get('password')", "api_key = settings.API_KEY", "api_key = os.environ.get('OPENAI_API_KEY', '')", "token = request.headers.get('Authorization')", "token = await client.get_token()", "const apiKey = process.env.API_KEY;",
    "const { password } = req.body;", "let token = localStorage.getItem('token');", "if (!token) return;", "if not password:", "if password is None:", "while token != END:", "if token == tok:", "for key, value in items:", "for key in sorted(d):", "key = lambda x: x[0]", "sorted(items, key=lambda x: x.name)", "sorted(items, key=len)", "max(d, key=d.get)", "key=operator.itemgetter(1)", "token = tokens[i]", "token = stream.next()", "tokens = text.split()", "tokens = tokenizer(text)", "token: Token", "token: str", "key: str", "key: K", "key: int = 0", "password: str", "password: Optional[str] = None", "password: SecretStr",
    "def login(user: str, password: str) -> bool:", "def verify(token: str, secret: bytes) -> bool:", "async def auth(token: str = Depends(oauth2_scheme)):", "func Login(password string) error {", "public void setPassword(String password) {", "private String password;", "this.password = password;", "self.password = password", "self.token = token", "user.password = hashed", "password = hash(password)", "password = bcrypt.hashpw(pw, salt)", "password=password", "token=token", "api_key=api_key", "login(password=password, token=token)", "Client(api_key=api_key)", "OpenAI(api_key=key)", "assert token.text == word",
    "password = None", "password = null;", "token = ''", 'token = ""', "password = undefined", "secret: bool", "secret = False", "cookie = request.cookies", "cookies = {}", "cookies=cookies", "headers['Authorization'] = token", "headers = {'Authorization': f'Bearer {token}'}", "headers: { Authorization: `Bearer ${token}` }", "'Authorization': 'Bearer ' + token", "Authorization: Bearer $TOKEN", "Authorization: Bearer <token>", "Authorization: Bearer {token}", "curl -H \"Authorization: Bearer $TOKEN\" https://x", "-H 'X-Api-Key: $KEY'", "curl -u $USER:$PASS https://x", "export TOKEN=$(cat file)", "PASSWORD=$1", "PASSWORD=${PASSWORD:-}", "echo $PASSWORD", "password: ${{ secrets.DB_PASSWORD }}", "token: ${{ secrets.GITHUB_TOKEN }}",
    "key = (x, y)", "key = 'name'", "key = \"id\"", "key: 'value'", "d['key'] = 1", "d[key] = value", "cache[key] = token", "x.key == y.key", "token.type == 'NAME'", "token.kind == TokenKind.IDENT", "case Token.KEY:", "enum Token { PASS, FAIL }", "type Key = string", "interface Auth { token: string }", "auth = Auth()", "auth=(user, password)", "auth = HTTPBasicAuth(user, password)", "import secrets", "import { auth } from './auth'", "from auth import token", "secrets.token_hex(16)", "secret = secrets.token_urlsafe()", "SELECT password, token FROM users", "SELECT * FROM tokens WHERE key = :key", "UPDATE users SET password = :password", "INSERT INTO users (password) VALUES (?)", "password VARCHAR(255) NOT NULL", "PRIMARY KEY (id)", "KEY idx_token (token)", "CREATE TABLE tokens (id INT, token TEXT)", "GRANT SELECT ON secrets TO bob",
    "<input type=\"password\" name=\"password\">", "<label for=\"password\">Password:</label>", "<password/>", "<password></password>", "<key>CFBundleName</key>", "<token>{{token}}</token>", "input[type=password] { color: red }", ".password:hover", "#token::after", "password?: string;", "password!: string", "token?.value", "tokenizer.eos_token = '</s>'", "pad_token='<pad>'", "eos_token: </s>", "tokenizer.pad_token = tokenizer.eos_token", "add_special_tokens(['<s>'])", "max_tokens=1024", "max_tokens: 4096", "num_tokens = 12", "token_ids = [1, 2, 3]", "token_id = 50256", "n_tokens=512,", "key_dim=64", "key_size = 2048", "key_length: 256", "num_key_value_heads=8", "keys = list(d.keys())", "primary_key=True", "sort_key = 'date'", "cache_key = f'{user}:{id}'", "key_path = '/etc/ssl/key.pem'", "ssh -i ~/.ssh/id_rsa bob@host", "password_validators = ['length', 'common']", "PASSWORD_MIN_LENGTH = 12", "PASSWORD_HASHERS = [", "TOKEN_URL = 'https://x.dev/token'", "token_endpoint: https://x.dev/oauth/token", "SECRET_NAME = 'db-credentials'", "secretName: my-secret", "secretKeyRef:", "passwordField = page.locator('#password')", "page.fill('#password', password)", "expect(token).toBe(null)", "throw new Error('Invalid token')", "raise ValueError('password too short')", "logger.info('token refreshed')", "print('Password:', end='')", "print(f'token={token}')", "console.log(`key: ${key}`)", "git commit -m 'Fix token refresh'", "feat(auth): add token rotation", "fix: password reset link",
]
_NAMES = [
    "sk-learn-contrib-extras", "sk-learn-intelex-patched", "sk-image-segmentation-tools", "rk_positions_by_country", "rk_metrics_weighted_average", "pk_constraint_on_users_table", "pk_users_primary_constraint", "sk_surrogate_key_column_name", "sk_dimension_customer_history", "key-value-store-benchmark", "key-performance-indicators", "api-gateway-configuration", "sdk-generator-typescript-client", "live_streaming_dashboard_view", "re_ranking_model_evaluation", "at_least_once_delivery_mode", "do_not_disturb_setting_value", "npm_config_registry_default", "hf_hub_download_progress_bar", "gh_actions_workflow_template", "fw_update_available_for_device", "pul-lever-arm-mechanism", "xai-explainable-methods-survey", "jina_embeddings_base_english", "pypi-publish-action-workflow", "pat-a-cake-pat-a-cake", "secret_santa_assignment_list", "secret-garden-chapter-one", "ops_engineering_handbook_page", "b_spline_interpolation_order", "shpat-like-names", "dapinderjit", "AKIAtest", "ACCOUNTING DEPARTMENT", "SKIRTSANDSHOES", "SCWARTZENEGGER", "EAARLYMORNING", "LTAILORED", "AIzawl", "eyJ", "eyJ0 is a prefix", "SG.", "ya29", "whsec_", "sk-", "ghp_", "AKIA is the prefix of AWS keys", "keys start with sk_live_ or sk_test_", "tokens beginning with ghp_ are personal", "xoxb- tokens are for bots", "risk-averse-investment-strategies", "task-oriented-dialogue-system", "desk-organiser-with-drawers", "whisky-tasting-evening-invitation", "disk-encryption-recommended-settings", "mask-language-modelling-objective", "flask-sqlalchemy-extension-docs", "task_runner_configuration_file", "disk_utilisation_percentage_total",
]
_IDENTIFIERS = [
    "550e8400-e29b-41d4-a716-446655440000", "9fceb02d0ae598e95dc970b74767f19372d61af8", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "v1.2.3-rc.1+build.5", "2026-01-31T12:00:00.000Z", "arn:aws:s3:::my-bucket/path/to/key", "urn:isbn:0451450523", "https://example.com/a/b?page=2&limit=10#top", "https://user@example.com/x", "git@github.com:org/repo.git", "ssh://git@github.com/org/repo.git", "mailto:bob@example.com?subject=Hi", "postgres://localhost:5432/app", "redis://cache:6379/0", "http://[::1]:8080/x", "file:///home/bob/key.pem", "s3://bucket/keys/file.txt", "data:image/png;base64,iVBORw0KGgo=", "npm install @scope/package@1.2.3", "cus_NffrFeUfNV2Hib", "req_8pQ2mZ", "run_20260131_120000", "chatcmpl-9abcDEF123456", "msg_01XFDUDYJgAACzvnptvVoYEL", "call_abc123DEF456", "toolu_01A09q90qw90lq917835lq9", "asst_abc123", "thread_abc123DEF", "file-abc123DEF456", "org-abc123DEF456", "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "price_1MoBy5LkdIwHu7ixZhnattbh", "i-0abcd1234efgh5678", "vpc-0a1b2c3d4e5f", "us-east-1a", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022", "text-embedding-3-small", "all-MiniLM-L6-v2", "C02XL0GYJGH5", "ISBN 978-3-16-148410-0", "DE89 3704 0044 0532 0130 00", "4 GB", "10.0.0.1:8080", "00:1A:2B:3C:4D:5E", "build-2026.01.31-x86_64-linux", "python-3.11.9-amd64.exe", "libssl1.1_1.1.1f-1ubuntu2_amd64.deb", "react-dom@18.2.0", "lodash.debounce@4.0.8", "sklearn.linear_model.LogisticRegression", "numpy.core.multiarray_umath", "java.lang.NullPointerException", "com.example.auth.TokenService", "System.Security.Cryptography.KeyContainer", "org.springframework.security.authentication.BadCredentialsException",
]
_KEPT_STRUCTURES: list[Any] = [
    {"tokens": 128}, {"max_tokens": 1024, "total_tokens": 9}, {"usage": {"prompt_tokens": 5, "completion_tokens": 7, "input_token_details": {"cached_tokens": 1}}}, {"token_count": 5}, {"tokens": ["The", "quick", "brown"]}, {"tokens": [1, 2, 3]}, {"token": "Hello"}, {"token": 5}, {"token": None}, {"token": True}, {"token": ""},
    {"page_token": "CAUQAA1x9"}, {"nextPageToken": "EAAaBlBUOkNBVQ1"}, {"next_token": "eXz9Q1aB2c"}, {"continuation_token": "1!48!MDAw9xY"}, {"pageToken": "abc9XYZ123"}, {"NextContinuationToken": "1ueGcxLPRx1Tr"}, {"next_page_token": "Cg0KBwoD"}, {"prev_page_token": "a1B2c3D4"}, {"sync_token": "a1B2c3D4e5"}, {"resume_token": "8264f1B2"}, {"cursor": "a1B2c3D4e5F6"},
    {"eos_token": "<|endoftext|>"}, {"bos_token": "<s>"}, {"pad_token": "[PAD]1x"}, {"unk_token": "<unk>"}, {"special_tokens": ["<s>", "</s>"]}, {"stop_token": "###x1"}, {"logprobs": [{"token": "Hel1oW", "logprob": -0.3, "bytes": [72]}]}, {"logprobs": {"content": [{"token": "aB3xYz9", "logprob": -1, "top_logprobs": [{"token": "Zz9Yy8", "logprob": -2}]}]}},
    {"key": "name"}, {"key": "value"}, {"key": 5}, {"keys": ["a", "b"]}, {"key": "user-profile"}, {"primary_key": "id"}, {"foreign_key": "user_id"}, {"sort_key": "createdAt"}, {"partition_key": "tenant#42"}, {"cache_key": "user:42:v2x"}, {"public_key": "ssh-ed25519 AAAAC3Nz bob"}, {"publicKey": "pk9X8y7Z6w5"}, {"idempotency_key": "a1B2c3D4e5F6"}, {"object_key": "images/2026/a1.png"}, {"s3_key": "data/file1.csv"}, {"row_key": "r42x9Q"}, {"keyword": "secret garden"}, {"keywords": ["auth", "token"]}, {"keyboard": "QWERTY1x"}, {"monkey": "George1a"}, {"turkey": "bird4You"}, {"hotkey": "ctrl+K1"},
    {"pass": True}, {"pass": 12}, {"passed": True}, {"pass": "yes"}, {"passing": "3 of 4"}, {"bypass": "all9Xy"}, {"compass": "N42E"}, {"passenger": "John5a"}, {"passport_required": True}, {"pass_rate": 0.97}, {"passes": 12}, {"auth": "none"}, {"auth": "basic"}, {"auth": "oauth"}, {"auth": False}, {"auth_type": "bearer"}, {"authType": "apiKey"}, {"auth_method": "password"}, {"author": "Jane4X Doe"}, {"authors": ["Smith2a"]}, {"authority": "local1X"}, {"authenticated": True}, {"bearer": "none"}, {"token_type": "Bearer"}, {"token_type": "bearer"}, {"tokenizer": "cl100k_base"}, {"tokenization": "bpe9X"},
    {"password": None}, {"password": ""}, {"password": False}, {"password_required": True}, {"has_password": True}, {"password_length": 12}, {"password_policy": "at least 12"}, {"min_password_length": 8}, {"password_changed_at": "2026-01-01"}, {"password_reset_url": "/reset"}, {"secret_name": "db-credentials"}, {"cookie_consent": True}, {"cookies_enabled": True}, {"pinned": True}, {"pin_count": 3}, {"pinecone_index": "docs2a"}, {"opinion": "good1X"}, {"shipping": "DHL5x"}, {"spin": "up1"}, {"secretary": "Ann3x"}, {"accredited": "yes1X"}, {"credit": 100}, {"credits": "5aX"}, {"session_count": 5}, {"sessions": 12}, {"session_duration": 3.5},
    {"headers": [["Accept", "*/*"], ["Content-Type", "application/json"]]}, {"headers": {"Content-Type": "application/json", "User-Agent": "curl/8.0", "X-Request-Id": "a1B2c3D4e5"}}, {"headers": [{"name": "accept", "value": "text/html"}]}, {"env": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "DEBUG=1"]}, {"env": [{"name": "LOG_LEVEL", "value": "debug"}]}, ["ls", "-la", "/tmp"], ["python", "-m", "pytest", "-x", "--maxfail=2"], ["git", "log", "--author", "Bob1x"], ["tool", "--tokens", "512"], ["tool", "--key", "name"], ["curl", "-H", "Accept: application/json", "https://x.dev"], ["docker", "run", "-u", "1000:1000", "img"], ["sort", "-k", "2", "-t", ":"], ["psql", "--username", "bob"],
    {"id": "user_42a", "model": "gpt-4o", "finish_reason": "stop"}, {"choices": [{"message": {"role": "assistant", "content": "The secret is: practise."}}]}, {"type": "object", "properties": {"password": {"type": "string"}, "token": {"type": "string"}}}, {"properties": {"api_key": {"type": "string", "description": "The API key."}}}, {"required": ["user", "password"]}, {"fields": ["password", "token", "api_key"]}, {"columns": ["id", "password", "key"]}, {"query": "how to reset my password"}, {"question": "what is a bearer token?"}, {"description": "Token used to page through results"}, {"scopes": ["read:keys", "write:tokens"]}, {"error": "invalid token"}, {"error": "Unauthorized: missing API key"}, {"message": "password authentication failed for user \"bob\""}, {"sha": "9fceb02d0ae598e95dc970b74767f19372d61af8"}, {"etag": "\"33a64df5\""}, {"checksum": "sha256:abc123def"}, {"url": "https://x.dev/tokens?limit=5"}, {"path": "/v1/secrets/list"}, {"file": "keys/readme.md"}, {"name": "token", "value": 5}, {"name": "color", "value": "red5X9"}, {"key": "theme", "value": "dark"}, {"name": "key", "type": "string"}, {"code": "E1234x"}, {"zip_code": "10115"}, {"code": "def f(x1): return x1"}, {"state": "NY1x"}, {"signature": "def login(user, password)"}, {"zip": "10115"},
]
# fmt: on


def _generated_prose(source: random.Random) -> Iterator[Any]:
    words = "model agent report market garden window summary travel budget quarter recipe weather history science planet ocean letter painter".split()
    starts = [
        "The password for the {} is stored safely.",
        "Secret: the {} was a gift",
        "Her key {} argument failed.",
        "Token {} shops closed.",
        "Authorization: {} department only",
        "cookie: {} flavour",
        "Bearer {} certificate",
        "the auth {} team: three people",
        "api key: {} settings page",
        "pass: {} test",
        "Passwords: {} rules",
        "My secret {}: none",
        "The {} key: turn left",
        "credentials: {} office",
        "Basic {} course",
        "session: {} opening",
        "Code: {} review",
        "the {} secret - never told",
        "PIN {}: choose four digits",
        "token {}s are counted per request",
    ]
    for start in starts:
        for _ in range(4):
            text = start.format(source.choice(words))
            yield source.choice([text, {"content": text}, [text], {"messages": [{"role": "user", "content": text}]}])


def harmless_cases(seed: int = 16) -> list[Any]:
    """Values that must be recorded unchanged."""
    source = random.Random(seed)
    wrap: list[Callable[[str], Any]] = [
        lambda text: text,
        lambda text: {"output": text},
        lambda text: [text],
        lambda text: f"see here:\n{text}\nand more",
    ]
    texts = [*_PROSE, *_CODE, *_NAMES, *_IDENTIFIERS]
    return [*texts, *(source.choice(wrap)(text) for text in texts), *_KEPT_STRUCTURES, *_generated_prose(source)]
