"""Samples for alternatives of rules: each fails without its own, whatever the corpora have by chance."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_core import to_json

from voltagent.processors.redaction import Redactor

redactor = Redactor()
ANSWERING = (
    "pass show db",
    "gopass show db",
    "pass otp db",
    "bw get totp jira",
    "bw get password jira",
    "op read op://db/mx",
    "security find-generic-password -w -s mx",
    "security find-internet-password -w -s mx",
    "secret-tool lookup service mx",
    "lpass show --password db",
    "pwgen 16 1",
    "makepasswd --chars 16",
    "openssl rand -hex 6",
    "wg genkey",
    "wg genpsk",
    "aws ecr get-login-password --region eu",
    "gcloud secrets versions access 1 --project=mx",
    *(f"x {one} generate --plain" for one in ("secret", "token", "password")),
    *(f"vault kv get -field=api_{one} kv/x" for one in ("pass", "secret", "token", "key")),
    "awk 1 a.psk b.psk",
    "cat token",
    "type token",
    "less token",
    "vault read token",
    "kubectl show token",
    "jq -r .token",
    "printenv TOKEN",
    "echo $TOKEN",
    "terraform output token",
    "x access token",
    "$env:TOKEN",
    "x get 'token'",
    "x get db-token.value",
    "cat token | base64 -d",
    *(f"x get db-token {one} text" for one in ("-o", "--output", "--query")),
    *(f"x get db-token --{one}" for one in ("with-decryption", "reveal", "raw", "plain", "no-newline")),
)
OF_DEFAULTS = ("default: ", "unset: ", "fallback=", "")
SETTING = ("set", "setdefault", "define", "put", "with", "fill", "type", "send_keys", "sendKeys")
HEADERS = ("Add", "append", "header", "addHeader", "setRequestHeader")
REQUESTING = ("get", "read", "load", "fetch", "ask", "prompt", "input", "find", "token", "decrypt")
CODE = (
    "self this os env process config settings request req ctx args options params cls app data props state event body "
    "user st np torch"
)
ELSEWHERE = ("Ref", "GetAtt", "Sub", "ImportValue", "Join", "Select", "FindInMap", "secret", "env", "env_var", "vault")
REFERRING = (
    "env",
    "sys",
    "secrets",
    "vault",
    "ssm",
    "sm",
    "file",
    "param",
    "self",
    "opt",
    "custom",
    "aws",
    "azure",
    "kv",
)
SCHEMA = (
    "type: string",
    "type: Number",
    "type: DataTypes.STRING",
    "type: Schema.Types.Mixed",
    "type: 'integer'",
    '"type": "boolean"',
    "type: object",
    "type: 'array'",
    "type: text",
    "type: varchar",
    "required: true, default: 'none'",
    "minLength: 8, label: 'Word1'",
    "nullable: false, label: 'Word1'",
    "validators: ['Word1']",
)
STANDING_FOR_ONE = (
    "here the secret password pass passwd key token api change me replace example insert put set user to from none "
    "placeholder dummy fake test todo env file path name value required"
)
COUNTED = (
    "Appendix Attempt Chapter Class Code Error Example Field Figure Group Item Length Level Line Max Min Note Option "
    "Page Part Phase Question Row Rule Section Status Step Table Test Type Unit Version Volume Warning"
)
FIELDS = ("name", "key", "header", "field", "variable", "env")


def _recorded(value: Any) -> Any:
    return json.loads(redactor.apply(to_json(value)))


@pytest.mark.parametrize("text", [f"$ {command}\nTern4Shore9x\n" for command in ANSWERING])
def test_what_a_command_prints_is_hidden(text: str) -> None:
    # The check before the search does not know all of these commands: they are found beside what it knows.
    assert "Tern4Shore9x" not in _recorded(f"$ export TOKEN=k4Lm2Rt9Vx\n{text}")


@pytest.mark.parametrize("answer", ["$", "[bob@host]", "/var/lib/db", "usage:"])
def test_a_prompt_or_a_path_is_no_answer(answer: str) -> None:
    text = f"$ pass show db\n{answer}\n"
    assert _recorded(text) == text


@pytest.mark.parametrize(
    "text",
    [
        'password = cfg.get("x") or "Tern4Shore9x"',
        *(f'password = read("db_password", {one}"Tern4Shore9x")' for one in OF_DEFAULTS),
        *(f'page.{one}("password", "sparrow")' for one in SETTING),
        *(f'x.{one}("X-Api-Key", "Summer-2024")' for one in HEADERS),
        *(f'x = os.{one}("DB_PASSWORD", "Summer-2024")' for one in ("environ.get", "getenv")),
        *(f"{one}: DB_PASSWORD\nvalue: Tern4Shore9x\n" for one in FIELDS),
        'let password: &mut str = "Tern4Shore9x";',
        'let password: &\'static mut str = "Tern4Shore9x";',
        "password = %Q(Tern Shore 9)",
        "password = Buffer.from('Tern4Shore9x')",
        "token = getToken || 'Tern4Shore9x'",
        "password = cfg.a ?? 'Tern4Shore9x'",
        "if password == 'Tern4Shore9x':",
    ],
)
def test_a_literal_in_code_is_hidden(text: str) -> None:
    recorded = _recorded(text)
    assert not any(secret in recorded for secret in ("Tern4Shore9x", "Tern Shore 9", "sparrow", "Summer-2024"))


@pytest.mark.parametrize(
    "text",
    [
        *(f"password={one}.db2Pass" for one in CODE.split()),
        *(f"password: !{one} dbPass2word" for one in ELSEWHERE),
        *(f"password: ${{{one}:prod/db}}" for one in REFERRING),
        *(f"password: {{ {one}, label: 'Word1' }}" for one in SCHEMA),
        *(f'password = {one}_password("Enter it: ")' for one in REQUESTING),
        *(f"PASSWORD={one}-some-words-once" for one in STANDING_FOR_ONE.split()),
        *(f"secret: {one}_4\n" for one in COUNTED.split()),
        "if password == 'abc':",
        "password || 'anonymous'",
        "type Token = password | 'anonymous'",
        "driver.setPassword('${DB_PASSWORD}')",
        "password: '<the password of the database>'",
        "password: 'Your password must have at least 8 characters'",
        "password: 'The passphrase is required'",
        "tokens: 1234, 5678",
        "api_key_header = APIKeyHeader(name='X-API-Key')",
    ],
)
def test_what_only_names_or_describes_a_secret_is_kept(text: str) -> None:
    assert _recorded(text) == text


def test_a_bracket_that_closes_one_inside_a_password_belongs_to_it() -> None:
    assert _recorded("PASSWORD=P@ss(w0rd9)\n") == "PASSWORD=[redacted]\n"


def test_the_command_behind_a_file_of_secrets_is_kept() -> None:
    secrets = "# client server secret IP\nole\t*\tSturgeon5\t10.9.0.7\n"
    text = secrets + "$ cat /etc/openvpn/auth.txt\n"
    assert _recorded(text) == text.replace("Sturgeon5", "[redacted]")


def test_a_key_of_the_registry_that_is_opened_is_kept() -> None:
    text = 'key = winreg.OpenKeyEx(\n    winreg.HKEY,\n    r"Software\\SxS\\VC7",\n    access=winreg.READ,\n)\n'
    assert _recorded(text) == text


@pytest.mark.parametrize("space", [" ", "\t", "\t\t\t"])
def test_a_file_of_secrets_is_found_by_its_first_line_alone(space: str) -> None:
    text = f"# client{space[:1]}server{space[:1]}secret{space}IP addresses\nole\t*\tSturgeon5\t*\n"
    assert _recorded(text) == text.replace("Sturgeon5", "[redacted]")


def test_the_rows_of_a_column_end_at_the_next_table() -> None:
    """Otherwise the rows of the first of many tables would be all that follows, whatever work is allowed."""
    tables = "password\n--------\nFoobar12x\n" * 2
    assert _recorded(tables) == tables.replace("Foobar12x", "[redacted]")
    assert _recorded("password\n----\n---x8Kq2\nFoobar12x\n") == "password\n----\n[redacted]\n[redacted]\n"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Password=CactusFalcon;Encrypt=true", "CactusFalcon"),
        ("spring.datasource.password=CactusFalcon\n", "CactusFalcon"),
        ("PGPASSWORD=CactusFalcon psql -h db", "CactusFalcon"),
        ("user: ole\napi_key: CactusFalcon\nport: 1\n", "CactusFalcon"),
        ('set $api_key "q3yDDnESQpjDVh0sNL";', "q3yDDnESQpjDVh0sNL"),
        ('fastcgi_param DB_PASS "Granite813";', "Granite813"),
        ("  http-request set-header X-Api-Key 00347bf1d22abd7a7c03", "00347bf1d22abd7a7c03"),
        ("WHERE password <> 'walnut9851'", "walnut9851"),
        ('{:headers {"x-api-key" "d22b4cf1a75817e0c4a2"}}', "d22b4cf1a75817e0c4a2"),
        ('  ~ secret = "vAilp0oZHx" -> "ch71oz90"', "ch71oz90"),
        ("password = <<EOT\nCopper3517\nEOT\n", "Copper3517"),
        ("let(:password) { 'w4lnut!1' }", "w4lnut!1"),
        ("await user.type(screen.getByLabelText('Password'), 'HfTZn1BZAX')", "HfTZn1BZAX"),
        ('passwordField.typeText("walnut-saturn-1")', "walnut-saturn-1"),
        ("ok = bcrypt.compare('riv3r!8', user.hash)", "riv3r!8"),
        ('smtp.PlainAuth("", "a@x.org", "LZWAu7jFEo", "mx")', "LZWAu7jFEo"),
        ('strcpy(password, "himmel-river-50");', "himmel-river-50"),
        ("security_answer: Lisbon1987", "Lisbon1987"),
        ("Lösenordet är Kiefer4622", "Kiefer4622"),
        ("Heslo je odgu7401", "odgu7401"),
        ("Mein Passwort ist otter-kiefer-9, bitte nicht weitergeben", "otter-kiefer-9"),
        ("Use code 329727 to log in.", "329727"),
        ("Ihre TAN: 743923", "743923"),
        ("ole:{PLAIN}Saturn76-\n", "Saturn76-"),
        ("API Key\n-------\nq1PGIoHFRMJwUU5yIxD7Z\n", "q1PGIoHFRMJwUU5yIxD7Z"),
        ("> user,password\n> ole,Zebra13_cac\n", "Zebra13_cac"),
        ("[INFO] name,password\n[INFO] ole,tsha45c0\n", "tsha45c0"),
        ("+user,password\n+ole,tsha45c0\n", "tsha45c0"),
        ("  # | user | password\n 12 | ole  | meadow2833\n", "meadow2833"),
        (" 1 │ user │ password\n 2 │ ole │ copper2396\n", "copper2396"),
        ('the passphrase is "donau himmel ember tulip"', "donau himmel ember tulip"),
        ("In [3]: token\nOut[3]: 'ea069aebcbd3d41297c0'", "ea069aebcbd3d41297c0"),
        ("(Pdb) p password\n'Zebra3216'", "Zebra3216"),
        ('(gdb) p password\n$1 = 0x5555 "KjO128x4TU"', "KjO128x4TU"),
        ("vault login 8b4fcb526fde61b0eef39f553a18", "8b4fcb526fde61b0eef39f553a18"),
        ("setenv PASSWORD CactusFalcon\n", "CactusFalcon"),
        ("password: >-\n  n0rth st4r\n  alder-7\nuser: x", "st4r\n  alder-7"),
        ("db:\n  password: |\n    n0rth st4r\n    alder-7\n  user: x", "alder-7"),
        ('Environment="PASSWORD=W0rd rock 9"\n', "rock 9"),
        ("docker run -e 'DB_PASSWORD=w0rd rock nine' img", "rock nine"),
        ("sshpass -p 'n0rth st4r' scp a b", "st4r"),
        ('openssl req -passout pass:"n0rth st4r"', "st4r"),
        ("smbclient //h/s -U 'bob%n0rth st4r'", "st4r"),
        ("curl -E client:n0rthst4r https://x", "n0rthst4r"),
        ("curl --cert 'client.pem:n0rth st4r' https://x", "st4r"),
        ("rclone config create r sftp host h user bob pass n0rthst4r", "n0rthst4r"),
        ('Cookie: theme=dark; sess="n0rth st4r"; a=1', "st4r"),
        ("OTP: 482 913", "913"),
        ("pass phrase: n0rthst4r", "n0rthst4r"),
        ("DB_PASSWORD (production): n0rthst4r", "n0rthst4r"),
        ("Your passphrase is correct horse battery staple.", "battery"),
        ("seed phrase is legal winner thank year wave sausage worth useful legal winner thank yellow", "sausage"),
        ("Пароль от базы — n0rthst4r", "n0rthst4r"),
        ("Hasło do bazy to n0rthst4r", "n0rthst4r"),
        ("the password is “n0rthst4r”", "n0rthst4r"),
        ('new Credentials("bob", "n0rthst4r")', "n0rthst4r"),
        ('pymysql.connect("h", "bob", "n0rthst4r", "shop")', "n0rthst4r"),
        ('client.sign_in("bob", b"n0rthst4r")', "n0rthst4r"),
        ('assert_eq!(token, "n0rthst4r")', "n0rthst4r"),
        ("passwordInput.fill('walnut-saturn-1')", "walnut-saturn-1"),
        ("before CLOJARS_1iu7cno8lo0swph6s76hn3t9wu5qx1sfyo after", "9wu5qx1sfyo"),
        ('new UsernamePasswordToken("ana", "Andesite61");', "Andesite61"),
        ("new PDO('mysql:host=db', 'shop', 'Breccia_10');", "Breccia_10"),
        ("Das Passwort für den Drucker lautet Druck3rei!", "Druck3rei!"),
        ("La contraseña de la base es Piedra_77.", "Piedra_77"),
        ("The staging login is ana / Borax-2020, please rotate it", "Borax-2020"),
        ("Zugangsdaten: ana / Kiesel-88", "Kiesel-88"),
        ("| Service | User | Password |\n|---|---|---|\n| Grafana | admin | Amber_19 |", "Amber_19"),
        ("[wifi]\npsk=blue danube waltz\n", "danube waltz"),
        ("Data Source=db;User ID=sa;Password=Halite 90;Encrypt=True", "Halite 90"),
        ("RABBITMQ_DEFAULT_PASS=hop along 7", "hop along 7"),
        ("A=1\nDB_PASSWORD=w0rd rock 9\nB=2\n", "rock 9"),
        ("DATABASE_PASSWORD: Cobble Stone 12\n", "Stone 12"),
        ("      - POSTGRES_PASSWORD=gravel&Grit3\n", "Grit3"),
        ('#define WIFI_PASS "llano estacado 3"', "estacado 3"),
        ("before bkct_548bc4cd09c35f8eee8b3e49a2037bc2 after", "037bc2"),
        ("before MzI1NjQ4NzA5MTIzNDU2Nzg5.GhJ2kL.a1B2c3D4e5F6g7H8i9J0k1L2m3N after", "k1L2m3N"),
        ('new PasswordAuthentication("u", "n0rthst4r".toCharArray())', "n0rthst4r"),
        ('mysqli_connect("h", "root", "n0rthst4r" . $salt)', "n0rthst4r"),
        ("mysqli_connect('h', 'root', 'Puffin81", "Puffin81"),  # a text that was cut
        ("> 10.0.0.6.21: Flags [P.], length 17: FTP: PASS Beryll44\n", "Beryll44"),
        ("Agente: su contraseña temporal es Olivo-2231, cámbiela", "Olivo-2231"),
        ("log in (hunter2Zx9 is the password)", "hunter2Zx9"),
        ("UPDATE s SET value = 'Beryll44', seen = now() WHERE name = 'smtp_password'", "Beryll44"),
        ("bob / hunter2Zx9 (password)", "hunter2Zx9"),
    ],
)
def test_what_configuration_calls_and_sentences_hold_is_hidden(text: str, secret: str) -> None:
    assert secret not in _recorded(text)


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("请求头 Authorization: ApiKey gwpikq0\u3002", "gwpikq0"),
        ("使用 token=Sommer2024!\u3002", "Sommer2024!"),
        ("API_TOKEN: a1B2c3D4e5F6\u3001", "a1B2c3D4e5F6"),
        ("const apiKey = `correct horse hunter2`;", "hunter2"),
        ("password := `correct horse battery staple`", "battery"),
        ('config.set("token", "hunter2")', "hunter2"),
        ('os.environ.get("GITHUB_TOKEN", "S3SS10N")', "S3SS10N"),
        ({"db_password": {"description": "hunter2"}}, "hunter2"),
    ],
)
def test_a_secret_before_a_full_stop_in_backticks_and_in_calls_is_hidden(value: object, secret: str) -> None:
    assert secret not in Redactor().apply(to_json(value)).decode()


def test_a_command_in_backticks_is_kept() -> None:
    assert _recorded("PASSWORD=`pwgen 16 1`") == "PASSWORD=`pwgen 16 1`"


@pytest.mark.parametrize(
    "text",
    [
        '"Password" = "Passwort";',
        '"password": "パスワード"',
        "INSERT INTO i18n (key, value) VALUES ('password', 'Mot de passe');",
        '<string name="password">Password</string>',
        '<param name="password">the password of the user</param>',
        '<button id="show-password">Show</button>',
        '"cookie": "^0.6.0"',
        '"node_modules/cookie": {\n  "version": "0.6.0",\n  "integrity": "sha512-U71cyTamuh1CRNCfpGY6"\n}',
        "dict(key1='value1', key2='value2')",
        'response.set_cookie("lang", "de")',
        "self.fail(msg, t, code=codes.VALID_TYPE)",
        "f(context, signature=c.signature)",
        "f(context, check_pre_and_post=check_pre_and_post2)",
        "RegOpenKeyEx = win32api.RegOpenKeyEx",
        'Token: "#ddd0c0",',
        'ROUTING_KEY: Final = "messaging.rabbitmq.routing_key"',
        'key_separator: str = ": "',
        'class APIKeyQuery(APIKeyBase):\n    """\n    API key authentication with 1 parameter\n    """\n',
        "tokens = {\n    'root': [\n        (r'0x[0-9a-f]+', Number),\n        ('var2bytes', Name),\n    ],\n}",
        '"MutualTlsAuthentication": GeneratedProperty(),',
        '"StrictHostKeyChecking": "no"',
        '"pass": "要素に0より大きいtabindexは存在しません"',
        '{"accesskeys": {"description": "Ensure that every accesskey is unique", "help": "be unique"}}',
        "mysql -u USER -pPASSWORD db",
        "curl --cert client.pem https://x",
        "Cache restored from key: Linux-node-18-2f9c1b7aaaaa4bbb8ccc",
        "The figure for the password is in Table_12",
        "PASSWORD: Must have 8 characters",
        'set password "${PASSWORD}"',
        "PGPASSWORD=$PW psql -h db",
        "curl -e https://a.example:8080/x y",
        "--password-color: #fff;",
        'sh -c "PGUSER=app psql -h db"',
        "The passphrase is used when decrypting files",
        "The seed phrase is stored nowhere on this device",
        'button.connect("clicked", "on-click-2")',
        "Password (at least 8 characters): required",
        "The phrase is four score years ago",
        "the catch phrase is hello world good morning",
        "pin: 100 200 300",
        "handlers.Login.user: attribute\nhandlers.Login.password: attribute\nhandlers.Login.retries: attribute\n",
        'one of "password", "authorization_code" or "client_credentials".',
        "if not auth_options or 'smithy.api#httpBearerAuth' not in auth_options:",
    ],
)
def test_what_public_code_and_documents_hold_is_kept(text: str) -> None:
    assert _recorded(text) == text


@pytest.mark.parametrize(
    "value",
    [
        {"dependencies": {"cookie": "^0.6.0"}},
        {"flows": {"password": {"tokenUrl": "/token", "scopes": {}}}},
        {"top_logprobs": [{"secret": -0.1, "key": -2.2}]},
        {"key": "data_key1"},
        {"pagination_token": "b26v89c19zqg8o3f"},
    ],
)
def test_versions_and_probabilities_under_the_name_of_a_secret_are_kept(value: object) -> None:
    assert json.loads(Redactor().apply(to_json(value))) == value


@pytest.mark.parametrize("value", ["Password", "Passwort", "Mot de passe", "string", "no", "true", "1.2.3", "^4.2.1"])
def test_every_string_under_a_strong_key_is_hidden_also_what_could_be_a_label(value: str) -> None:
    recorded = json.loads(Redactor().apply(to_json({"user": "kim", "password": value})))
    assert recorded == {"user": "kim", "password": "[redacted]"}


def test_a_label_in_a_list_of_translations_is_kept() -> None:
    text = '"Password" = "Passwort";\n"password" = "Mot de passe";'
    assert _recorded(text) == text


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (["gh", "secret", "set", "X", "--body", "ghsecretv4l"], "ghsecretv4l"),
        (["curl", "-E", "client.pem:hunter22", "https://x"], "hunter22"),
        (["curl", "--cert", "client.pem:hunter22", "https://x"], "hunter22"),
    ],
)
def test_what_follows_a_flag_of_a_certain_command_in_a_list_is_hidden(value: object, secret: str) -> None:
    assert secret not in Redactor().apply(to_json(value)).decode()


def test_a_certificate_without_a_password_in_a_list_is_kept() -> None:
    value = ["curl", "--cert", "client.pem", "https://x"]
    assert json.loads(Redactor().apply(to_json(value))) == value


@pytest.mark.parametrize(
    "rest",
    [
        " # prod\n",
        " && make deploy",
        " & make deploy 2",
        " mysqldump app",
        " terraform apply\n",
        " did not work for me",
    ],
)
@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_KEY", "Server=db;PWD"])
def test_a_command_or_a_comment_behind_a_password_without_quotes_is_kept(name: str, rest: str) -> None:
    assert _recorded(f"{name}=hunter2Zx9{rest}") == f"{name}=[redacted]{rest}"


def test_the_end_of_a_line_behind_a_block_is_kept() -> None:
    assert _recorded("password: |\r\n  hunter2Zx9\r\nuser: x") == "password: |\r\n  [redacted]\r\nuser: x"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("{'cookies': [{'name': 'sid', 'value': 'c00k13v4lue', 'domain': 'x.io'}]}", "c00k13v4lue"),
        ('"keys": [{"keyName": "key1", "value": "Zk8Lm2Qw9Xc4Vb7Nn5Tt6Yy7Uu8Ii9=="}]', "Zk8Lm2Qw9Xc4Vb7Nn5"),
        ("user,PW\nbob,hunter2x\n", "hunter2x"),
        ("id,user,PW,role\n1,bob,hunter2x,admin\n", "hunter2x"),
    ],
)
def test_a_value_that_its_record_does_not_name_is_hidden(text: str, secret: str) -> None:
    assert secret not in Redactor().text(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('PASSWORD="CORRECT_HORSE_BATTERY"', "CORRECT_HORSE_BATTERY"),
        ('{"pwd": "/hunter2X!"}', "hunter2X"),
        ('session_cookie: "kjhdsaKJHGAoiuqweYTR"', "kjhdsaKJHGAoiuqweYTR"),
        ("password={{ 'hunter2x' | password_hash('sha512') }}", "hunter2x"),
        ("password: {{ 'hunter2x' }}", "hunter2x"),
        ("userPassword::e1NTSEF9aGVsbG93b3JsZA==", "aGVsbG93b3JsZA"),
        ("hunter2xx is our password", "hunter2xx"),
        ("use hunter2xx as a password", "hunter2xx"),
        ("if (password === `hunter2x9`) {", "hunter2x9"),
        ("password: the-old-barn-42", "the-old-barn-42"),
    ],
)
def test_what_resembles_a_name_or_a_folder_and_is_none_is_hidden(text: str, secret: str) -> None:
    assert secret not in Redactor().text(text)


@pytest.mark.parametrize("text", ["PWD=/root", "OLDPWD=/home/app/src", 'password = "TLS_PSK_WITH_AES_CCM"'])
def test_a_folder_and_the_name_of_a_constant_are_kept(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize("text", ["PASSWORD=.", "see DB_PASSWORD=: below", "GET /?password=!&x=1", "app.password=.\n"])
def test_a_name_with_nothing_but_the_end_of_a_sentence_behind_it_is_kept(text: str) -> None:
    assert redactor.text(text) == text
    assert json.loads(redactor.apply(to_json(text))) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("user: app\npassword: toor\n", "toor"),
        ("host=pg1\nsecret=kittiwake\n", "kittiwake"),
        ("ossrhUsername=ida\nossrhPassword=damson\n", "damson"),
        ("dn: uid=ole,dc=x\nuserPassword: plover\n", "plover"),
        ("$ grep -n pass conf\nconf/dev.yml:7:  password: kestrel\n", "kestrel"),
        ("login user=holm password=snowdrop ip=10.0.0.9", "snowdrop"),
        ('psql "host=pg user=app password=nightheron dbname=shop"', "nightheron"),
        ("mount -o username=ida,password=bluethroat,vers=3.0 //nas/x /mnt", "bluethroat"),
        ("config: {Addr:redis:6379 Password:goshawk DB:0}", "goshawk"),
        ("[mail]\nlogin = ida\npasswd = corn-bunting\n", "corn-bunting"),
        ("RESTIC_PASSWORD=tern-colony restic prune", "tern-colony"),
        ("requirepass bilberry\n", "bilberry"),
        ("SetEnv WIKI_DB_PASS chaffinch\n", "chaffinch"),
        ('AuthLDAPBindPassword "marigold"\n', "marigold"),
        ("Host,PW\nsw1,larkspur\n", "larkspur"),
        ("| NAS | Password |\n|---|---|\n| ida | `tui song` |\n", "tui song"),
        ("new PDO($dsn, 'app', 'merganser')", "merganser"),
        ('DriverManager.getConnection("jdbc:mysql://db/x", "app", "teal")', "teal"),
        ("jwt.sign({ id: 7 }, 'partridge')", "partridge"),
        ("curl -sualice:stork https://x.io", "stork"),
        ("cmdkey /add:nas /user:ida /pass:waterRail", "waterRail"),
        ("rabbitmqctl add_user etl whitestork\n", "whitestork"),
        ("cargo login cioQx7Zt2LmW9Kp4", "cioQx7Zt2LmW9Kp4"),
        ("sonar.login=8f0a1c2e5b7d", "8f0a1c2e5b7d"),
        ("pg.internal:5432:shop:app:juniper\n", "juniper"),
        ("[smtp.x.io]:587 relay@x.io:guillemot\n", "guillemot"),
        ("(1, 'ida', '$P$BDxq8Zt1vLm3')", "BDxq8Zt1vLm3"),
        ("Your verification code is: 204 881.", "204 881"),
        ("771930 is your TAN for the transfer", "771930"),
        ("The recovery code is HX4K-99TT-2MMA.", "HX4K-99TT-2MMA"),
        ("Save your recovery codes.\n\n  1. 7f3k-29dm  2. q8xz-11lp\n", "q8xz-11lp"),
        ("Your scratch codes are:\n  84920184\n  10583927\n", "10583927"),
        ("Alarm code: 3391", "3391"),
        ("Use the following password to proceed:\n\n8f0a1c2e5b7d9f3a\n", "8f0a1c2e5b7d9f3a"),
        ("the password is booby-Hatch, why", "booby-Hatch"),
        ("$ argocd admin initial-password\nZk2Lw8Qx4Tn7Vb\n", "Zk2Lw8Qx4Tn7Vb"),
        ("<key>PinCode</key><integer>6620</integer>", "6620"),
    ],
)
def test_a_plain_word_or_a_code_where_a_password_must_stand_is_hidden(text: str, secret: str) -> None:
    assert secret not in redactor.text(text)
    assert secret not in json.loads(redactor.apply(to_json(text)))


@pytest.mark.parametrize(
    "text",
    [
        "user: string\npassword: string\n",
        "username: text\npassword: text\n",
        "username: required\npassword: optional\n",
        "volumes:\n  - name: data\n    secret: dbcreds\n",
        "tls:\n  host: x.io\n  secret: tlscert\n",
        "client = Client(\n    user=name,\n    password=hashed,\n    host=server\n)\n",
        "connect(user=user, password=passwd, host=host)",
        'login(user="a",password=mypass,host=b)',
        "event=login password=changed user=ida",
        "label:password type:issue state:open",
        "user=alice pass=failure reason=timeout",
        "SELECT * FROM t WHERE user=name AND password=passwd",
        "DB_PASSWORD=db-password",
        "PASSWORD=not-set",
        "user: x\npassword: one-way-hash\n",
        "user = x\nauth_password = per-user\n",
        "requirepass foobared is the default",
        "ENV DB_PASSWORD required\n",
        "syn keyword apache AuthLDAPBindPassword AuthLDAPCharsetConfig\n",
        "| option | password |\n|---|---|\n| a | `string` |\n| b | `optional` |\n",
        "PW,Palau\nPY,Paraguay\n",
        "passwd: compat\ngroup: compat\n",
        "hosts: files\npasswd: files\n",
        "netgroup: nis\npasswd: sssd\nhosts: dns\n",
        "user: a\npassword: plain\n",
        "user: a\npassword: same\n",
        "login: ok\npassword: fail\n",
        "user: admin\npassword: guess\n",
        "  user = email\n  password = entry\n",
        "secret=frontend\nenv=prod\n",
        "--selector tier=api,secret=frontend",
        "user=ida secret=rotation job=nightly",
        "server: x\npassword: stdin\n",
        'widget.connect("clicked", "data", "callback")',
        "new PDO($dsn, 'root', 'password')",
        "new PDO($dsn, $user, $pass)",
        "jwt.verify(token, 'secret')",
        "gcc -muabi:foo1 x",
        "rsync -avu:host1/x y",
        "cargo login --registry x",
        "login 2 times a day",
        "rabbitmqctl add_user user password\n",
        "$B$3$N$h$&$JGX7J$+$i@8$^$l$?",
        "code: 404 200 responses",
        "It is your pin on the map",
        "Backup codes can be used once.\nEach has 8 characters.\n",
        "recovery codes\n\n2026-01-01\n",
        "recovery codes:\none-two\nthree-four\n",
        "The password must contain:\n8characters or more\n",
        "password (optional):\nmax_length 12\n",
        "password is case-sensitive",
        "The password is Case-Sensitive",
        "<key>KeyCount</key><integer>5123</integer>",
        'let password = rpassword::prompt_password("Password: ")?;',
        '    PASSWORD = "password"\n',
        'SECRET_FIELDS = {"password", "token", "secret"}',
        'curl -u "$$USER:$$PASS" $(URL)',
    ],
)
def test_what_stands_where_a_password_may_stand_and_is_none_is_kept(text: str) -> None:
    assert redactor.text(text) == text
    assert json.loads(redactor.apply(to_json(text))) == text


@pytest.mark.parametrize(
    "value",
    [
        {"tokens": [{"id": 9, "hash": "8f0a1c2e5b7d9f3a"}]},
        {"one_time_code": "8f0a1c2e5b7d9f3a"},
        {"Name": "/shop/relay", "Type": "SecureString", "Value": "8f0a1c2e5b7d9f3a"},
        {"id": "https://x.vault.azure.net/secrets/smtp/0a", "name": "smtp", "value": "8f0a1c2e5b7d9f3a"},
        {"keystorePass": "8f0a1c2e5b7d9f3a"},
    ],
)
def test_what_a_service_for_secrets_lists_is_hidden(value: Any) -> None:
    assert b"8f0a1c2e5b7d9f3a" not in redactor.apply(to_json(value))


@pytest.mark.parametrize(
    "value",
    [
        {"files": [{"id": 9, "hash": "8f0a1c2e5b7d9f3a"}]},
        {"tokens": [{"id": 9, "hash": "8f0a", "text": "the"}]},
        {"time_codes": ["00:10:12"], "time_code": "01:02:03"},
        {"Name": "/shop/region", "Type": "String", "Value": "8f0a1c2e5b7d9f3a"},
        {"id": "https://x.io/files/smtp/0a", "name": "smtp", "value": "8f0a1c2e5b7d9f3a"},
    ],
)
def test_what_resembles_such_a_list_is_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value
