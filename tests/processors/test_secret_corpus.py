"""Recall and precision of redaction on values that resemble those of real agents: what must go, what must stay."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from tests.helpers.pace import hold, hold_processor
from tests.processors.corpus import (
    eighth,
    fourth,
    hide_eleventh,
    hide_fifteenth,
    hide_fifth,
    hide_first,
    hide_fourteenth,
    hide_sixteenth,
    hide_tenth,
    hide_thirteenth,
    hide_twelfth,
    keep_eleventh,
    keep_fifteenth,
    keep_fifth,
    keep_first,
    keep_fourteenth,
    keep_sixteenth,
    keep_tenth,
    keep_thirteenth,
    keep_twelfth,
    nineteenth,
    ninth,
    second,
    seventeenth,
    seventh,
    sixth,
    third,
    twentieth,
    twenty_eighth,
    twenty_first,
    twenty_fourth,
    twenty_second,
    twenty_sixth,
    twenty_third,
)
from tests.processors.corpus.outputs import Output, read_outputs, texts_of
from tests.processors.document import PATH, with_tables
from tests.processors.secret_cases import harmless_cases, hidden_cases
from voltagent.core.span import AGENT, TOOL, TRACE, Phase, Span, TraceInfo
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.finders import find_secrets
from voltagent.processors.secrets.text.groups import compiled_groups
from voltagent.processors.secrets.text.scan import Scan
from voltagent.processors.secrets.vocabulary.names import SecretNames
from voltagent.processors.secrets.vocabulary.words import STRONG, STRONG_PAIRS, WEAK

# fmt: off
# (value, the part of it that must not be recorded). All of them are invented.
HIDE: list[tuple[Any, str]] = [
    ("│ id │ user   │ token                    │\n├────┼────────┼──────────────────────────┤\n│ 1  │ amelie │ t0kKq7Lm2Rt9Vx4Zw3Nb8Yc1 │\n", "t0kKq7Lm2Rt9Vx4Zw3Nb8Yc1"),
    ({"primaryKey": "Jz4Yw8Qk2Lm6Nb0Vc3Xx7Zs1=", "secondaryKey": "Mn3Bv7Cx1Zl5Kj9H="}, "Jz4Yw8Qk2Lm6Nb0Vc3Xx7Zs1="),
    ("env:\n  SESSION_SECRET: nuthatch/Birch/12\n  LOG: info\n", "nuthatch/Birch/12"),
    ("command:\n  - redis-server\n  - --requirepass\n  - Lynx.Forest\n", "Lynx.Forest"),
    ({"kubeconfig": {"sensitive": True, "type": "string", "value": "quiet-bay"}}, "quiet-bay"),
    ("SET PASSWORD FOR 'app'@'%' = 'Gecko-Wall'", "Gecko-Wall"),
    ("db.changeUserPassword('backup', 'Iguana.Rock')", "Iguana.Rock"),
    ("const secret = process.env.JWT_SECRET || 'dev-Salmon-Leap';", "dev-Salmon-Leap"),
    ("I used the password Dace#Stream and got 401.", "Dace#Stream"),
    ("host,user,pass\ndb2,rw,Ide.Lake\n", "Ide.Lake"),
    (': PSK "Weever_Sand"', "Weever_Sand"),
    ('ole : EAP "Gurnard.Deep"', "Gurnard.Deep"),
    ("wpa_passphrase=Haddock Bank\nwpa_key_mgmt=WPA-PSK\n", "Haddock Bank"),
    ("  user ole insecure-password Brill.Bank\n", "Brill.Bank"),
    ("keytool -list -storepass Sole_Shelf", "Sole_Shelf"),
    (">>> settings.SECRET_KEY\n'django-insecure-9sk^q2lm7(rt4xn8'\n", "django-insecure-9sk^q2lm7(rt4xn8"),
    (" id | password\n----+----------\n  7 | Habichtskauz\n", "Habichtskauz"),
    ("INSERT INTO s (name, value) VALUES ('host', 'mx'), ('smtp_password', 'Pirol:Gelb');", "Pirol:Gelb"),
    ("INSERT INTO u (login, password, remember_token) VALUES ('a', 'x9', 'Xw2Lk9Tn4Vb1');", "Xw2Lk9Tn4Vb1"),
    ('expect "*?assword:*"\nsend "Harrier_Marsh\\r"\n', "Harrier_Marsh"),
    ("    Key Content            : Kranich 1999\n", "Kranich 1999"),
    ("    ServicePassword    REG_SZ    Purple.Heron\n", "Purple.Heron"),
    ("<RequestsCookieJar[<Cookie session=eyJ1IjoxOH0.ZxQ2bB for a.dev/>]>", "eyJ1IjoxOH0.ZxQ2bB"),
    ('resource "random_password" "db" {\n    length = 20\n    result  = "vT!7mQz#p4Lk9&Wd"\n}', "vT!7mQz#p4Lk9&Wd"),
    ({"name": "lena", "salt": "d41a0f9e", "hash": "9b74c9897bac"}, "9b74c9897bac"),
    ("page.fill('input[name=\"password\"]', 'Subalpine-9')", "Subalpine-9"),
    ("api key for the weather service: wx-0Yt5Re8Wq2", "wx-0Yt5Re8Wq2"),
    ("[smtp.acme.dev]:587 relay:Peridot!6\n", "Peridot!6"),
    ("$ printenv DATABASE_PASSWORD\nBittern-Reed-204\n", "Bittern-Reed-204"),
    ("$ openssl rand -hex 16\n5b4a39281706f5e4d3c2b1a09f8e7d6c\n", "5b4a39281706f5e4d3c2b1a09f8e7d6c"),
    ("$ bw get password jira\nSiberian.Jay\n$ ls\n", "Siberian.Jay"),
    ('3) "password"\n4) "fieldfare.Rowan"\n', "fieldfare.Rowan"),
    ("> ACL SETUSER worker on >crossBill88 ~jobs:*", "crossBill88"),
    ("Use 493817 as your verification code.", "493817"),
    ("snmpget -v3 -u monitor -A 'authAvocet1' -X privAvocet2 host", "privAvocet2"),
    ("mosquitto_pub -h mq -P Dusky_Thrush -t x", "Dusky_Thrush"),
    ("userPassword:: e1NTSEF9a0w5UHEyUnM1VHVGOHZXMXhZ", "e1NTSEF9a0w5UHEyUnM1VHVGOHZXMXhZ"),
    ("[(b'Set-Cookie', b'id=a3fWa9xK2mL7; Path=/')]", "a3fWa9xK2mL7"),
    ("new mysqli('db', 'wp', 'RockDove22', 'wp')", "RockDove22"),
    ('Environment="PASSWORD=Cormorant rock 9"', "Cormorant rock 9"),
    ("chpasswd:\n  list: |\n    root:Tern.Shore\n    ubuntu:Common7Crane\n", "Common7Crane"),
    ("createUser monitor SHA \"Waldkauz-99\" AES \"Uhu11Wald\"", "Uhu11Wald"),
    ("kind: Secret\nstringData:\n  conf: |\n    user: bob\n    rabbit\n", "rabbit"),
    ("key  type  value\npassword  s  Tern@Shore\n", "Tern@Shore"),
    ("Password:\nLong-tailed-duck\nok", "Long-tailed-duck"),
    ('password="ab hunter2"', 'hunter2'),
    ('before 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 after', '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'),
    ('before key-0123456789abcdef0123456789abcdef after', 'key-0123456789abcdef0123456789abcdef'),
    ('before hvs.CAESICAESICAESICAESICAESICAESICAESICAESI after', 'hvs.CAESICAESICAESICAESICAESICAESICAESICAESI'),
    ('before {"password":"jsonCANARY"} after', 'jsonCANARY'),
    ({'ssh_private_key': 'Xq7ssh_private_keyZp9'}, 'Xq7ssh_private_keyZp9'),
    ({'set-cookie': 'Xq7set-cookieZp9'}, 'Xq7set-cookieZp9'),
    ({'contraseña': 'Xq7contraseñaZp9'}, 'Xq7contraseñaZp9'),
    ("password   =   'hunter2'", 'hunter2'),
    ('before rk_live_Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3 after', 'rk_live_Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3'),
    ('before PMAK-0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c after', 'PMAK-0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c'),
    ('before Authorization: Basic dXNlcjpDQU5BUlk= after', 'Authorization: Basic dXNlcjpDQU5BUlk='),
    ("passphrase: 'correct horse hunter2'", 'hunter2'),
    ({'password_hash': 'Xq7password_hashZp9'}, 'Xq7password_hashZp9'),
    ('before jdbc:mysql://h/db?user=u&password=jdbcCANARY after', 'jdbcCANARY'),
    ('before ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2 after', 'ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2'),
    ({'user_password_plain': 'Xq7user_password_plainZp9'}, 'Xq7user_password_plainZp9'),
    ({'authorization': 'Xq7authorizationZp9'}, 'Xq7authorizationZp9'),
    ('before shpat_0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b after', 'shpat_0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b'),
    ('before https://x/cb?access_token=queryCANARY2 after', 'queryCANARY2'),
    ({'connectionString': 'postgres://app:hunter2@db/x'}, 'hunter2'),
    ({'passwordHash': 'Xq7passwordHashZp9'}, 'Xq7passwordHashZp9'),
    ({'x-api-key': 'Xq7x-api-keyZp9'}, 'Xq7x-api-keyZp9'),
    ('authorization: OAuth hunter2aaaaa', 'hunter2'),
    ('before https://hooks.slack.com/services/T00000000/B00000000/XXXXCANARYXXXX after', 'XXXXCANARYXXXX'),
    ('before password: yamlCANARY\nuser: x after', 'yamlCANARY'),
    ('before Basic dXNlcjpDQU5BUllQVw== after', 'Basic dXNlcjpDQU5BUllQVw=='),
    ({'api_keys': 'Xq7api_keysZp9'}, 'Xq7api_keysZp9'),
    ('before SG.aBcDaBcDaBcDaBcDaBcD.eFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgH after', 'SG.aBcDaBcDaBcDaBcDaBcD.eFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgHeFgH'),
    ({'passphrase': 'Xq7passphraseZp9'}, 'Xq7passphraseZp9'),
    ('before dop_v1_0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a after', 'dop_v1_0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'),
    ({'otp': 'Xq7otpZp9'}, 'Xq7otpZp9'),
    ('before AKIA1234567890ABCDEF after', 'AKIA1234567890ABCDEF'),
    ({'env': [{'name': 'DB_PASSWORD', 'value': 'PW9value'}]}, 'PW9value'),
    ("{'password': 'R3pr9999'}", 'R3pr9999'),
    ({'secretAccessKey': 'Xq7secretAccessKeyZp9'}, 'Xq7secretAccessKeyZp9'),
    ('before smtp://u:smtp%40CANARY@h after', '40CANARY'),
    ({'headers': [{'name': 'authorization', 'value': 'Basic Qm9iOlBX'}]}, 'Qm9iOlBX'),
    ({'refresh_token': 'Xq7refresh_tokenZp9'}, 'Xq7refresh_tokenZp9'),
    ('before tgp_v1_Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1 after', 'tgp_v1_Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1'),
    ({'DATABASE_URL': 'postgres://app:hunter2@db/x'}, 'hunter2'),
    ('machine h login bob password hunter2', 'hunter2'),
    ("if password == 'hunter2':", 'hunter2'),
    ('before https://f.azurewebsites.net/api/x?code=azurefnCANARYabcdef== after', 'azurefnCANARYabcdef'),
    ({'dsn': 'postgres://app:hunter2@db/x'}, 'hunter2'),
    ('before -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlCANARYnNzaA\n-----END OPENSSH PRIVATE KEY----- after', 'b3BlCANARYnNzaA'),
    ('before {"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEjsonpemCANARY\\n-----END PRIVATE KEY-----\\n"} after', 'nMIIEjsonpemCANARY'),
    ('--password hunter2', 'hunter2'),
    ('before otp=987654 after', 'otp=987654'),
    ({'args': {'password': 'PW9value'}, 'error': "bad password 'PW9value' for bob"}, 'PW9value'),
    ('before https://x/y?api_key=queryCANARY&z=1 after', 'queryCANARY'),
    ({'db_pass': 'Xq7db_passZp9'}, 'Xq7db_passZp9'),
    ({'client_secret': 'Xq7client_secretZp9'}, 'Xq7client_secretZp9'),
    ({'dbpass': 'Xq7dbpassZp9'}, 'Xq7dbpassZp9'),
    ('before xapp-1-A0-1-ab12ab12ab12ab12ab12ab12ab12ab12 after', 'xapp-1-A0-1-ab12ab12ab12ab12ab12ab12ab12ab12'),
    ('before --password cliflagCANARY after', 'cliflagCANARY'),
    ({'password1': 'Xq7password1Zp9'}, 'Xq7password1Zp9'),
    ('before https://a.blob.core.windows.net/c?sv=1&sig=abcdefghijklmnop%2Bqrst%3D after', 'https://a.blob.core.windows.net/c?sv=1&sig=abcdefghijklmnop%2Bqrst%3D'),
    ({'Api-Key': 'Xq7Api-KeyZp9'}, 'Xq7Api-KeyZp9'),
    ({'dbPass': 'PW9value'}, 'PW9value'),
    ('before Proxy-Authorization: Basic cHJveHlDQU5BUlk= after', 'Proxy-Authorization: Basic cHJveHlDQU5BUlk='),
    ('before https://bob:s3cr3tCANARY@host/db after', 's3cr3tCANARY'),
    ('before xoxb-123456789012-abcdefXYZ after', 'xoxb-123456789012-abcdefXYZ'),
    ({'PASSWORD': 'Xq7PASSWORDZp9'}, 'Xq7PASSWORDZp9'),
    ({'headers': [['x-api-key', 'K3Yvalue'], ['accept', '*/*']]}, 'K3Yvalue'),
    ({'passcode': 'Xq7passcodeZp9'}, 'Xq7passcodeZp9'),
    ('before glpat-abcDE12345abcDE12345 after', 'glpat-abcDE12345abcDE12345'),
    ({'bearer_token': 'Xq7bearer_tokenZp9'}, 'Xq7bearer_tokenZp9'),
    ('before github_pat_11ABCDEFG0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx after', 'github_pat_11ABCDEFG0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'),
    ({'secret': 'Xq7secretZp9'}, 'Xq7secretZp9'),
    ('before secret_Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12 after', 'secret_Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12Ab12'),
    ({'credentials': 'Xq7credentialsZp9'}, 'Xq7credentialsZp9'),
    ({'auth': 'Xq7authZp9'}, 'Xq7authZp9'),
    ({'token': 'Xq7tokenZp9'}, 'Xq7tokenZp9'),
    ('before hf_abCDabCDabCDabCDabCDabCDabCDabCD after', 'hf_abCDabCDabCDabCDabCDabCDabCDabCD'),
    ('before sk-proj-Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9 after', 'sk-proj-Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9'),
    ('before aws_secret_access_key = wJalrXUtnFEMI/K7MDENGCANARY after', 'K7MDENGCANARY'),
    ('before sk-ant-oat01-Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1 after', 'sk-ant-oat01-Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1'),
    ('password="""hunter2"""', 'hunter2'),
    ("password='ab;hunter2'", 'hunter2'),
    ('before sk-ant-api03-Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1 after', 'sk-ant-api03-Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1Qq1'),
    ({'api_token_v2': 'Xq7api_token_v2Zp9'}, 'Xq7api_token_v2Zp9'),
    ({'secretValue': 'Xq7secretValueZp9'}, 'Xq7secretValueZp9'),
    ('Authorization: ApiKey hunter2', 'hunter2'),
    ('before https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1 after', 'https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1'),
    ('before AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE after', 'AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE'),
    ({'cvv': 'Xq7cvvZp9'}, 'Xq7cvvZp9'),
    ('curl -u bob:hunter2 https://x', 'hunter2'),
    ('before X-API-Key: xapikeyCANARY after', 'xapikeyCANARY'),
    ({'privateKeyPem': 'Xq7privateKeyPemZp9'}, 'Xq7privateKeyPemZp9'),
    ({'apiKey': 'Xq7apiKeyZp9'}, 'Xq7apiKeyZp9'),
    ('before sk_live_Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1 after', 'sk_live_Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1'),
    ({'dbPass': 'Xq7dbPassZp9'}, 'Xq7dbPassZp9'),
    ('before dckr_pat_Ab1_Ab1_Ab1_Ab1_Ab1_Ab1_Ab1_ after', 'dckr_pat_Ab1_Ab1_Ab1_Ab1_Ab1_Ab1_Ab1_'),
    ('before DefaultEndpointsProtocol=https;AccountName=a;AccountKey=azureCANARYabcdef==;EndpointSuffix=x after', 'azureCANARYabcdef'),
    ('Authorization: Custom hunter2', 'hunter2'),
    ({'pin': 'Xq7pinZp9'}, 'Xq7pinZp9'),
    ('before Authorization: Bearer abcCANARYdef123 after', 'abcCANARYdef123'),
    ('before r8_abcDabcDabcDabcDabcDabcDabcDabcDabcD after', 'r8_abcDabcDabcDabcDabcDabcDabcDabcDabcD'),
    ('before NRAK-ABC123ABC123ABC123ABC123ABC123 after', 'NRAK-ABC123ABC123ABC123ABC123ABC123'),
    ({'credential_json': 'Xq7credential_jsonZp9'}, 'Xq7credential_jsonZp9'),
    ([['Cookie', 'S3SS10N']], 'S3SS10N'),
    ('before https://ghtokenCANARY@github.com/x/y.git after', 'ghtokenCANARY'),
    ("password\t=\t'hunter2'", 'hunter2'),
    ('cookie: theme=dark; session=hunter2', 'hunter2'),
    (['curl', '-H', 'X-Api-Key: K3Yvalue'], 'K3Yvalue'),
    ('export DB_PASSWORD=swordfish', 'swordfish'),
    ({'environment': ['API_TOKEN=a8f3K2m9Q1', 'DEBUG=1']}, 'a8f3K2m9Q1'),
    (['psql', '--password', 'hunter2'], 'hunter2'),
    ('mongodb+srv://app:hunter2@cluster0.mongodb.net/db', 'hunter2'),
    ('Server=db;User Id=sa;Password=Hunter2x;Encrypt=true', 'Hunter2x'),
    ('<password>hunter2</password>', 'hunter2'),
    ('password%3Dhunter2%26user%3Dbob', 'hunter2'),
    ({'Passwort': 'geheim123'}, 'geheim123'),
    ({'senha': 'segredo1'}, 'segredo1'),
    ('sshpass -p hunter2 ssh host', 'hunter2'),
    ('{"arguments": "{\\"api_key\\": \\"hunter2\\"}"}', 'hunter2'),
    ("secret => 'hunter2'", 'hunter2'),
    ('token := "a1b2c3d4e5"', 'a1b2c3d4e5'),
    ('gho_a1B2a1B2a1B2a1B2a1B2', 'gho_a1B2a1B2a1B2a1B2a1B2'),
    ({'name': 'OPENAI_API_KEY', 'value': 'abcd1234efgh'}, 'abcd1234efgh'),
    ("CREATE USER bob IDENTIFIED BY 'hunter2x'", 'hunter2x'),
]
KEEP: list[Any] = [
    "use python3 as the password hasher", "pwd src2/app", "DB_PASSWORD=Placeholder", "creds: see vault/prod1", "password\n--------\nrequired\n",
    "token\n-----\nabc\n(1 row)", "CVV 3 digits", "add_argument('--token', 'tok1')", "docker login --password-stdin r3gistry.acme.dev",
    {"primaryKey": "order_7f3a", "table": "orders"},
    "│ Setting │ Default │\n├─────────┼─────────┤\n│ key     │ none    │\n",
    "$ cat ~/.git-credentials\nhttps://git.acme.dev/portal2\n",
    ">>> settings.TOKEN_HEADER\n'X-Token'\n",
    "id,pass,total\n7,ok,12\n",
    {"vpc": {"sensitive": False, "type": "string", "value": "vpc-0a1b2c3d4e"}},
    "args:\n  - --token-file\n  - /run/token7\n",
    "the password policy & rules, or password+confirmation",
    "INSERT INTO s (name, value) VALUES ('smtp_host', 'mail9.acme.dev'), ('token_ttl', '3600');",
    "    TokenName    REG_SZ    Build 7\n",
    {"name": "report.pdf", "hash": "9b74c9897bac770f"},
    "page.fill('input[name=\"email\"]', 'qa-user9@acme.dev')",
    "Column | Type | Password\n-------+------+----------\nname | text | \n",
    "listening on [::1]:8080 proto:http2\n",
    "$ kubectl get sa deployer -o jsonpath='{.secrets[0].name}'\ndeployer-token-6k9xz\n",
    "$ git log --grep token --format=%H -1\nc0a1f9b8e7d6c5b4a39281706f5e4d3c2b1a0f9e\n",
    "$ cat VERSION\n2.14.1-rc3\n",
    "$ ls secrets\ndb_password\n",
    "$ echo $TOKEN_FILE\n/run/secrets/token\n",
    "$ terraform output -raw key_name\nops-key-2\n",
    '1) "maxmemory"\n2) "536870912"\n',
    "mosquitto_sub -h mq -p 18830 -t home/temp",
    "bash -c 'snmp.sh' && tar -c -X exclude9.txt .",
    "Password::Tokenizer.new",
    "This is your verification of 2026 orders, as your code review says",
    'class Account:\n    login: str\n    password: Schema.String\n    age: int\n',
    "password = Settings.Database\nuser = 'x'\n",
    'password: Self-Service\nname: portal\n',
    'secret: Top-Level\nname: portal\n',
    'f(password=Defaults.Value)\n',
    'Passwords: Best-Practices\nauthor: Jane\n',
    'Name  Value\npassword  required-field\nhost  local\n',
    'secret: Kubernetes/Vault\nname: portal\n',
    'API key: ask admin',
    'the disk-utilisation',
    'Secret: how to bake bread',
    'http://example.com:8080/path@2x.png',
    'Authorization: needed from manager',
    'turkey: bird',
    {'tokens': 9},
    'The secret: patience and time.',
    'password: str',
    'Bearer of bad news',
    '#password:focus',
    'Your one-time password is ready',
    'trespass=1',
    {'token_count': 3},
    'token = tokenizer.decode(ids)',
    "api_key=os.environ['X']",
    {'pass': True},
    'eyJ is base64 of {"',
    {'eos_token_id': 2},
    'credentials: include',
    'The cookie: a short history',
    'compass: north',
    {'price_per_output_token': 0.1},
    'AIzawl',
    {'nextPageToken': 'abc'},
    'The password policy: at least 12 characters, one digit.',
    'Passwords: 3 found',
    {'sort_key': 'a'},
    'Password: required field',
    {'usage': {'input_token': 5}},
    'password: null, token: null',
    'for token in doc: print(token.text)',
    '2026-01-01 password changed by admin',
    'SELECT password FROM users WHERE token = ?',
    'const token = await getToken()',
    'secrets: a novel',
    {'public_key': 'x'},
    'rk_positions_abcdef',
    'sk-learn is a library: sk-learn-contrib-extras',
    'gpt sk-... example',
    'see http://a.com:80 and mail me@x.org',
    {'n_token': 4},
    'cookies: we use them',
    'password=None',
    'risk-assessment-framework',
    'ask-me-anything-please',
    'token: Token = next(tokens)',
    'sk_SK locale; sk_slovakia_language',
    'bypass: true',
    {'primary_key': 'id'},
    'key: value',
    'secret santa: Bob',
    {'total_tokens': 5},
    "if token == 'x':",
    'api key: see the docs',
    "$password = $_POST['password'];",
    'import sk_learn_something',
    'Enter your password: (min 8 chars)',
    'def login(password: str, token: str | None = None) -> bool:',
    {'logprobs': [{'token': 'Hello1x', 'logprob': -0.1}]},
    {'next_token': 'abc123XYZ987'},
    {'cache_key': 'user:123:profile'},
    {'id': '550e8400-e29b-41d4-a716-446655440000'},
    'commit 9fceb02d0ae598e95dc970b74767f19372d61af8',
    'The keyboard shortcut is ctrl-k',
    {'idempotency_key': 'a1b2c3d4e5f6'},
    'Forgot your password? Click here.',
    {'monkey': 'George1a'},
    'password = getpass.getpass()',
    'token_count: 12345',
    'see docs/secrets.md for the format',
    'the bearer of good tidings',
    {'bos_token': '<s>x1Y2z3'},
]
# Texts and payloads that a careless pattern reads again and again.
HOSTILE: dict[str, Any] = {
    "token prefixes": "-eyJ" * 50_000, "names": "pass: " * 30_000, "assignments": "password=" * 20_000, "headers": "authorization: " * 10_000,
    "cookies": "cookie: a=b " * 10_000, "urls": "://a@" * 40_000, "quotes": "password='" * 10_000, "keys": "-----BEGIN PRIVATE KEY " * 5_000,
    "backslashes": 'password="' + "\\" * 100_000, "letters": "Aa" * 80_000, "access keys": "AKIA" * 40_000, "spaces": "password" + " " * 150_000 + "=x",
    "tables": "password,token\n" * 12_000, "headers of tables": "a,token\nb\n" * 12_000, "quoted rows": 'a,token\n' + '"b,c"","x\n' * 10_000,
    "inserted rows": "insert into u (a, secret) values ('b', 'c')" + ", ('b', 'c')" * 9_000, "snmp": "snmp community " * 10_000, "echo": "echo aaaa| " * 15_000, "words": "password: aa bb cc dd the\n" * 6_000,
    "manifests": "data:\n  a: b1c2d3\nkind: Secret\n" * 6_000, "kinds": "kind: Secret\n" * 12_000,
    "secret keys": {f"password{number}_token_key": "abcDEF123" for number in range(6_000)},
    "equal keys": {f"sk-proj-Zz9Zz9Zz9Zz9Zz9{number}": 1 for number in range(6_000)},
}
# fmt: on

redactor = Redactor()
SEEDS = (16, 2026)


def _is_hidden(value: Any, secret: str) -> bool:
    text = redactor.apply(to_json(value)).decode()
    return secret not in text and secret not in json.dumps(json.loads(text), ensure_ascii=False)


def test_at_least_97_percent_of_secrets_are_hidden() -> None:
    missed = [value for value, secret in HIDE if not _is_hidden(value, secret)]
    print(f"hidden: {1 - len(missed) / len(HIDE):.1%} of {len(HIDE)}")
    assert len(missed) <= 0.03 * len(HIDE), missed


def test_at_least_97_percent_of_harmless_values_are_kept() -> None:
    changed = [value for value in KEEP if json.loads(redactor.apply(to_json(value))) != value]
    print(f"kept: {1 - len(changed) / len(KEEP):.1%} of {len(KEEP)}")
    assert len(changed) <= 0.03 * len(KEEP), changed


BATCHES: dict[str, tuple[list[tuple[Any, str]], list[Any]]] = {
    "first": (hide_first.HIDE, keep_first.KEEP),
    "second": (second.HIDE, second.KEEP),
    "third": (third.HIDE, third.KEEP),
    "fourth": (fourth.HIDE, fourth.KEEP),
    "fifth": (hide_fifth.HIDE, keep_fifth.KEEP),
    "sixth": (sixth.HIDE, sixth.KEEP),
    "seventh": (seventh.HIDE, seventh.KEEP),
    "eighth": (eighth.HIDE, eighth.KEEP),
    "ninth": (ninth.HIDE, ninth.KEEP),
    "tenth": (hide_tenth.HIDE, keep_tenth.KEEP),
    "eleventh": (hide_eleventh.HIDE, keep_eleventh.KEEP),
    "twelfth": (hide_twelfth.HIDE, keep_twelfth.KEEP),
    "thirteenth": (hide_thirteenth.HIDE, keep_thirteenth.KEEP),
    "fourteenth": (hide_fourteenth.HIDE, keep_fourteenth.KEEP),
    "fifteenth": (hide_fifteenth.HIDE, keep_fifteenth.KEEP),
    "sixteenth": (hide_sixteenth.HIDE, keep_sixteenth.KEEP),
    "seventeenth": (seventeenth.HIDE, seventeenth.KEEP),
    "nineteenth": (nineteenth.HIDE, nineteenth.KEEP),
    "twentieth": (twentieth.HIDE, twentieth.KEEP),
    "twenty-first": (twenty_first.HIDE, twenty_first.KEEP),
    "twenty-second": (twenty_second.HIDE, twenty_second.KEEP),
    "twenty-third": (twenty_third.HIDE, twenty_third.KEEP),
    "twenty-fourth": (twenty_fourth.HIDE, twenty_fourth.KEEP),
    "twenty-sixth": (twenty_sixth.HIDE, twenty_sixth.KEEP),
    "twenty-eighth": (twenty_eighth.HIDE, twenty_eighth.KEEP),
}
# The fourteenth is an attack on the redaction: not all that it tries is worth a rule. Of the twentieth, the half that
# was not found at first has more than its share; of the next one and the twenty-third, not all classes are mended.
LEAST_OF_BATCH = {"fourteenth": 0.92, "twentieth": 0.95, "twenty-first": 0.95, "twenty-third": 0.96}
# The last batches are the measure of what is not found yet: not all of their classes are mended.
LEAST = {
    "outputs": (0.97, 0.97),
    "more_outputs": (0.97, 0.97),
    "last_outputs": (0.94, 0.96),
    "new_outputs": (0.95, 0.98),
    "blind_outputs": (0.93, 0.98),
    "sixteenth_outputs": (0.87, 0.98),
    "eighteenth_outputs": (0.9, 0.98),
    "twenty_fourth_outputs": (0.95, 0.98),
    "twenty_fifth_outputs": (0.92, 0.95),
    # Most of its passwords are plain words, as no rule before had been written for.
    "twenty_sixth_outputs": (0.83, 0.98),
    # Without a secret in it.
    "twenty_sixth_harmless": (0.0, 0.97),
    # Written after the rules for the batch before, and no rule was written for it: the measure of what is not found.
    "twenty_seventh_outputs": (0.76, 0.98),
}
OUTPUTS: dict[str, list[Output]] = {name: read_outputs(f"{name}.txt") for name in LEAST}


def test_the_document_says_how_many_samples_there_are() -> None:
    document = (Path(__file__).parents[2] / "docs/capture.md").read_text(encoding="utf-8")
    secrets = f"{sum(len(hide) for hide, _ in BATCHES.values()):,}".replace(",", " ")
    harmless = f"{sum(len(keep) for _, keep in BATCHES.values()):,}".replace(",", " ")
    document = " ".join(document.split())
    assert f"({secrets} secrets, {harmless} harmless values)" in document
    outputs = [one for batch in OUTPUTS.values() for one in batch]
    hidden, kept = sum(len(one.hidden) for one in outputs), sum(len(one.kept) for one in outputs)
    assert f"{len(outputs)} whole outputs ({hidden} parts to hide, {kept} to keep)" in document


@pytest.mark.parametrize("batch", OUTPUTS)
def test_most_parts_of_whole_outputs_are_hidden_and_kept(batch: str) -> None:
    missed: list[tuple[str, str]] = []
    lost: list[tuple[str, str]] = []
    for one in OUTPUTS[batch]:
        assert all(part in "\0".join(texts_of(one.value)) for part in one.hidden + one.kept), one.name
        recorded = "\0".join(texts_of(json.loads(redactor.apply(to_json(one.value)))))
        missed += [(one.name, part) for part in one.hidden if part in recorded]
        lost += [(one.name, part) for part in one.kept if part not in recorded]
    hidden, kept = (sum(map(len, parts)) for parts in zip(*((o.hidden, o.kept) for o in OUTPUTS[batch]), strict=True))
    print(f"{batch}: hidden {1 - len(missed) / max(hidden, 1):.1%} of {hidden}")
    print(f"{batch}: kept {1 - len(lost) / kept:.1%} of {kept}")
    least_hidden, least_kept = LEAST[batch]
    assert len(missed) <= (1 - least_hidden) * hidden, missed
    assert len(lost) <= (1 - least_kept) * kept, lost


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_written_without_the_search_is_hidden_and_kept_to_its_least_share(batch: str) -> None:
    hide, keep = BATCHES[batch]
    missed = [value for value, secret in hide if not _is_hidden(value, secret)]
    changed = [value for value in keep if json.loads(redactor.apply(to_json(value))) != value]
    print(f"{batch} batch: hidden {1 - len(missed) / len(hide):.1%} of {len(hide)}")
    print(f"{batch} batch: kept {1 - len(changed) / len(keep):.1%} of {len(keep)}")
    assert len(missed) <= (1 - LEAST_OF_BATCH.get(batch, 0.97)) * len(hide), missed
    assert len(changed) <= 0.03 * len(keep), changed


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("WIFI:T:WPA;S:home;P:tidepool7;;", "tidepool7"),
        ("sqlplus scott/oraCANARY7@orcl", "oraCANARY7"),
        ("h.example\tTRUE\t/\tFALSE\t1893456000\tsid\tKx9mango4Qz", "Kx9mango4Qz"),
        ("rocommunity f1ord77 10.0.0.0/8", "f1ord77"),
        ("net use Z: \\\\srv\\share gra9ite /user:bob", "gra9ite"),
        ("pbkdf2_sha256$600000$gra9ite$Kq2J8vT6w0Zx4Lm1Np3R=", "Kq2J8vT6w0Zx4Lm1Np3R"),
        ("scrypt:32768:8:1$gra9ite$Kq2J8vT6w0Zx4Lm1Np3R", "Kq2J8vT6w0Zx4Lm1Np3R"),
        ("mysqli_connect('db', 'root', 'gra9ite', 'x')", "gra9ite"),
        ("imap_open('{h:993}INBOX', 'bob', 'gra9ite')", "gra9ite"),
    ],
)
@pytest.mark.parametrize("around", ["", "some words and none on one line " * 400])
def test_forms_without_a_suspicious_word_are_found(text: str, secret: str, around: str) -> None:
    assert _is_hidden(f"{around}\n{text}\n{around}", secret)


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("when 'gra9ite7' == params[:password]", "gra9ite7"),
        ("return 'gra9ite7' != opts[:api_key]", "gra9ite7"),
        ("if 'gra9ite7' == config.get('password'):", "gra9ite7"),
        ('if (getenv("X") && "gra9ite7" == getenv("API_KEY"))', "gra9ite7"),
        ("'gra9ite7'.equals(config.get('password'))", "gra9ite7"),
        ('if ("gra9ite7" === req.body?.password)', "gra9ite7"),
        ("password: !!str |\n  gra9iteB7\n", "gra9iteB7"),
        ("password: &main >-\n  gra9iteB7\nuser: x", "gra9iteB7"),
        ("password: |2-\n  gra9iteB7\n", "gra9iteB7"),
        ("password: |-2\n  gra9iteB7\n", "gra9iteB7"),
        ("password: | # of the database\n  gra9iteB7\n", "gra9iteB7"),
        (["curl", "-b", "sid=gra9ite7", "https://x"], "gra9ite7"),
        (["/usr/bin/curl", "-s", "-b", "sid=gra9ite7; lang=de", "https://x"], "gra9ite7"),
    ],
)
def test_a_literal_before_an_item_a_marked_block_and_a_cookie_argument_are_found(value: Any, secret: str) -> None:
    assert _is_hidden(value, secret)


@pytest.mark.parametrize(
    "value",
    [
        "when 'published' == params[:state]",
        "if 'admin' == config.get('password_role'):",
        "if 'token' == config.get('token'):",
        "description: !!str |\n  gra9iteB7\n",
        "password: | # see the vault\n",
        "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
        ["curl", "-b", "cookies.txt", "https://x"],
        ["tar", "-b", "size=20", "x.tar"],
    ],
)
def test_what_resembles_a_compared_literal_a_block_or_a_cookie_is_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("x = process.env.JWT_SECRET ?? 'gra9ite'", "gra9ite"),
        ("Pwd={tide}}pool7};Encrypt=yes", "pool7"),
        ("&quot;password&quot;: &quot;gra9ite&quot;", "gra9ite"),
        (r"{\u0022password\u0022:\u0022gra9ite\u0022}", "gra9ite"),
        ('["password"]=> string(9) "m1stral99"', "m1stral99"),
        ("userPassword:: e1NTSEF9Z3JhOWl0ZQ==", "e1NTSEF9Z3JhOWl0ZQ"),
        ("my $password = q{gra9ite};", "gra9ite"),
        ('std::string api_key{"gra9ite"};', "gra9ite"),
        ('h.Add("Authorization", "Bearer " + "gra9ite77aa")', "gra9ite77aa"),
        ("[(b'set-cookie', b'sid=gra9ite; Path=/')]", "gra9ite"),
        ("changed the password from gra9ite to n3wgran1te", "n3wgran1te"),
        ("Incorrect API key provided: gra9ite-77aa", "gra9ite-77aa"),
        ({"selector": "input[name=password]", "value": "quiet7river"}, "quiet7river"),
        ("scott/tidepool7@//ora:1521/x", "tidepool7"),
        ('Cookie: sid=lemur42; b="lemur43"; c=1', "lemur43"),
        ("\x1b[1mAPI_KEY\x1b[0m: \x1b[33mquartz88\x1b[0m", "quartz88"),
        ("<tr><td>Password</td> <td class='v'>quartz88</td></tr>", "quartz88"),
        ("<b>Password:</b> quartz88", "quartz88"),
        ("\u201cpassword\u201d: \u201cquartz88\u201d", "quartz88"),
        ("493017 is your Example verification code", "493017"),
        ("Recovery codes:\n1f9a-22bc\n77ce-90aa", "77ce-90aa"),
        ("<apiToken>{AQAAABAAAAAwquartz88}</apiToken>", "quartz88"),
        ("<property><name>x.secret.key</name><value>quartz88</value></property>", "quartz88"),
        ("S: +OK\nPASS quartz88\n", "quartz88"),
        ("password = \\\n    'quartz88'", "quartz88"),
        ("let k: String = env['API_KEY'] ?? 'quartz88'", "quartz88"),
        ({"cookie_header": "theme=quartz88; a=b"}, "quartz88"),
        ({"authorization_header": "Digest quartz88"}, "quartz88"),
        ({"pin_num": "4821"}, "4821"),
        ({"otp_num": 482913}, "482913"),
        ({"secret_env": {"A": "tigerlily"}}, "tigerlily"),
        (["sqs://AKIAIOSFODNN7:Ce-Quartz-31@", "x"], "Ce-Quartz-31"),
        ("password: |\r\n  quartz88\r\n", "quartz88"),
        ("<password>\n            quartz88\n        </password>", "quartz88"),
        ("<password><![CDATA[ quartz88 ]]></password>", "quartz88"),
        (f"ACL setuser bob on >{'quartz88' * 40} ~*", "quartz88"),
    ],
)
def test_secrets_behind_other_operators_and_quotes_are_hidden(value: Any, secret: str) -> None:
    assert _is_hidden(value, secret)


@pytest.mark.parametrize("first", ["https://token:kx9mango4qz@h/x", "/token:kx9mango4qz y"])
def test_the_user_of_an_address_and_a_name_in_a_path_are_not_confused(first: str) -> None:
    own = Redactor()
    own.apply(to_json(first))
    assert b"@h/x" in own.apply(to_json("https://token:kx9mango4qz@h/x"))
    assert b"kx9mango4qz" not in own.apply(to_json("/token:kx9mango4qz y"))


@pytest.mark.parametrize(
    "value",
    [
        {"api_key_header": "X-Api-Key"},
        {"api_key_env": "OPENAI_API_KEY"},
        {"pin_header": "GPIO4"},
        {"id": "pk_live_51HzQ7Lk29ZpQ8aaLm0Rt5Yw7B"},
        "TOKEN = 0x0004",
        "https://x.example/?sig=none",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "errors.password || 'required'",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-Ab1Cd2",
        {"num_passwords": 10000, "passwords_per_user": 2.1, "pin_position": 7},
        "<tr><td>password</td><td>string</td></tr>",
        "<b>Password:</b> at least 8 characters",
        "It is your order code",
        "pass quartz88 on to the next",
        "<password>{password}</password>",
        "password :: Maybe Text",
        {"selector": "input[name=city]", "value": "quiet7river"},
        'print(f"password={password!r}")',
        "db:\n  password: *database\n  user: x\n",
        "psql --no-password inventory",
        "CB_ALERT        OP_COOKIE_EXCHANGE\nCB_READ         OP_COOKIE_SECRET\nCB_WRITE        OP_COOKIE_VERIFY\n",
        "Convert oauth2client credentials to others, as oauth2client did",
        "[::]:8080 tcp:open",
        "worker[12]:45 module:started",
        "a fail/pass:ratio",
        "insecure-password handling",
        '<cookie name="JSESSIONID" path="/">',
        "setuser memcache on >>/var/log/memcached.log",
        "$ echo $PASSWORD_FILE\n/run/secrets/pw1\n",
        "$ kubectl get secret\nNAME12-x\n",
        "--privkey rsakey.pem",
        "--generate-privkey option.",
    ],
)
def test_references_to_secrets_and_public_keys_are_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


@pytest.mark.parametrize(
    "text",
    [
        "return types[:prefix], types[prefix:-suffix], types[-suffix:]",
        "return '-' + bin(-num)[2:]",
        '{"key":"cache:https://registry.example.org/@proto%2futf8","size":1}',
        "def f(self, key: PositionalIndexer2D, x): ...",
        "_key: _CmpKeyT_co",
        "RegCloseKey(key: _win32typing.PyHKEY, /)",
        "Token.Number: '#ansigreen'",
        'keys=["float64", dtype]',
        'if from_key == "float64":',
        "ssl.KeyManagerFactory.algorithm=SunX509",
        "#define twofish128_set_key nettle_twofish128_set_key",
        "#define CKF_TOKEN_PRESENT 0x00000001UL",
        "#define sk_X509V3_EXT_METHOD_num(sk) 1",
        "exports.extractJWTSubject = extractJWTSubject;",
        "tokenData.cidr_whitelist = validCIDR",
        "/// Key for Kernel::CodeProps::Metadata::mNumSGPRs.",
        '#define X509EXT_PRIVATE_KEY_USAGE_PERIOD "2.5.29.16"',
        '#define RFC_PSK_WITH_AES_128_CCM "TLS_PSK_WITH_AES_128_CCM"',
        "creds.password = Buffer.from(given, 'base64').toString('utf8')",
        "this._noAuthorization = !req.headers.authorization;",
        "the rows are identified by `code`",
        '<a accesskey="n" href="x">',
        "PWD=/home/jd/py4science",
        "OLDPWD=/home/jd/py4science",
        "In [9]: pwd\nOut[9]: '/home/jd/py4science/book'",
        "AQEBBQADggEPADCCAQoCggEBAKukgeWVzfX2FI7CT8rU4niVWJxB4Q2ZQCQXOZEz",
        "pytz/zoneinfo/America/Fortaleza,sha256=b_1XU7sKjmCVngQSOkRotOC84XY9rhn8yiTrXv7Bawo,702",
        'headers = {"Authorization": "Bearer $TOKEN", "X-Api-Key": settings.api_key}',
        "password: {{ lookup('env', 'DB_PASSWORD') }}",
        'let password = Keychain.standard.string(forKey: "password")',
        '"api_key_help": "Find your key under Settings"',
        "密码:至少8个字符",
        'class Secret:\n    """\n    Holds a string value that should not be revealed."""',
        "PS\tPalestine\nPW\tPalau\nPY\tParaguay\nQA\tQatar",
        "code,name\nPT,Portugal\nPW,Palau\nPY,Paraguay",
        "private_key: PKey | None",
        "passwd: HTTPPasswordMgr",
        "key: X25519PrivateKey | None",
        "key: AMQPValue,",
        '__all__ = ["OAuth2Auth", "OAuth2ClientAuth", "AsyncOAuth2Mixin"]',
        '{"key": "binary?"}',
        "key = 'arr_%d' % i",
        'password = ":****"',
        '"sshkey": "Application.sshkey",',
        "DATABASE_PASSWORD: required",
        "set SECRET_KEY to production",
        "export const AUTH_COOKIE = 'auth';",
        'session_cookie: str = "session",',
        'x {"keys": [{"id": "550e8400-e29b-41d4-a716-446655440000", "value": 3}]} y',
    ],
)
def test_names_in_code_and_facts_about_secrets_are_kept(text: str) -> None:
    assert json.loads(redactor.apply(to_json(text))) == text


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("password: tiger-2024", "tiger-2024"),
        ("client_secret = gh-oa-sec-5", "gh-oa-sec-5"),
        ("api_token = outp-tf-98", "outp-tf-98"),
        ('.password("{noop}hik3r-pass")', "hik3r-pass"),
        ('password: {{ .Values.password | default "abc12345" }}', "abc12345"),
        ("if (hash_equals($token, 'lemonade88')) {", "lemonade88"),
        ('subtle.ConstantTimeCompare([]byte(password), []byte("lemonade88"))', "lemonade88"),
        (" pre-shared-key abcd1234", "abcd1234"),
        ("ntp authentication-key 1 md5 abcd1234", "abcd1234"),
        ("snyk auth 0a1b2c3d-4e5f-6789-abcd-ef0123456789", "0a1b2c3d-4e5f"),
        ('sudo -S apt update <<< "sud0-her3"', "sud0-her3"),
        ("La chiave API è jtn9912afr", "jtn9912afr"),
        ("Jeton d'accès : jtn9912afr", "jtn9912afr"),
        ("Parola d'ordine: p4rolait9X", "p4rolait9X"),
        ("Your OTP for the payment is 318845.", "318845"),
        ("use the token (tok_1a2B3c4D5e) first", "tok_1a2B3c4D5e"),
        ("Credentials -> bob:Blue42Sky", "Blue42Sky"),
        ("openssl passwd -6 MyPass12", "MyPass12"),
        ("keytool -genkey -storepass changeit2 -keypass morningdew", "morningdew"),
        ("curl -ubob:hunter2 https://x", "hunter2"),
        ("密码: 春天2024abc", "春天2024abc"),
        ("DATABASE_PASSWORD: swordfish", "swordfish"),
        ('JWT_SECRET="SUPER_SECRET_KEY_123"', "SUPER_SECRET_KEY_123"),
        ("I set API_KEY to k_live_9Xy8Zw7V.", "k_live_9Xy8Zw7V"),
        ('#define WIFI_PASSWORD "abcd1234"', "abcd1234"),
    ],
)
def test_secrets_of_tools_and_languages_are_hidden(value: Any, secret: str) -> None:
    assert _is_hidden(value, secret)


@pytest.mark.parametrize(
    "value",
    [
        "'shprt_d2d00c8addd4d99ad860fc3e98646b83'",
        "key dp.sa.vYGlEfF6PCtFzUchIrNQzwW5zscZTyvvVR0FV5Bj",
        "key NRAA-f3d68a5b455523e2c68e336ae93",
        "slk_d9db9787a7659c4126674936c9ed0078e2bde1cc9cfcfba8c5b41bc2529fce14",
        "sl.u.41ng_f9zMXx2-VEyU8cfy8J1ym-0jY2xpJJ0QfG1wxwkZmbgHCcaPjwhTROP7UX0oe",
        "ATTA1d7c91ecf6d3c0b14c505da1cc25c9dfd5cd2b9b5e9d2b0ec504a1260bc4c897402b74ba",
        "cpk_d8b2ba8ad5e3b4edb0c811cc109398b8.9b50333b50bb84c349bcaf30428b891e.9QYok70gNLC",
        "BSAPL1HJX3zFeTNH8ubaqsP_JAdn-xY",
        "sess-apGxFeYFMMX9lA3n0TdQZvsA8tFDp2FqmD3FmWpF",
        "AAAAut7Muyb:APA91bl1rcYGfKhD63hLgDJxI147pzcUQOQJAjXGHCc71fL5T6TuJnvRz2BiqCm",
        "key ghs_1048576_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnaXRodWIifQ.q8Zt4Lm2Vx",
        "key AQ.Ab8RN6KtP3mVq7Lx2Wz9Yd4Hc5Jf",
        "key whsec_" + "kqzvtrmpwxlhbdns" * 2,
        "key glsa_" + "abcdef" * 8,
        "key hvs." + "kqzvtrmpwxlhbdns" * 2,
        "key nvapi-" + "kqzvtrmpwxlhbdns" * 3,
        {"privkey": "Gd8privRm4"},
        {"tailscaleAuthkey": "Gd8authRm4"},
        {"trustStorePass": "Gd8storeRm4"},
        {"2fa_code": "481516"},
        {"contrasenia": "girasol"},
    ],
)
def test_tokens_and_names_of_less_known_issuers_are_hidden(value: Any) -> None:
    secret = value.split(" ")[-1].strip("'") if isinstance(value, str) else next(iter(value.values()))
    assert _is_hidden(value, secret)


@pytest.mark.parametrize(
    "text",
    [
        "sess-management-in-web-servers",
        "BSA_compliance_officer_training_notes",
        "cpk_of_the_process",
        "ATTACHMENT TO THE AGREEMENT",
        "sl.u.ordinary_names_in_a_list_of_many_short_words_here",
        "the_internationalization_of_whsec_names, pre-internationalization, app.internationalization",
    ],
)
def test_names_that_begin_like_these_tokens_are_kept(text: str) -> None:
    assert json.loads(redactor.apply(to_json(text))) == text


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (["curl", "-u bob:hunter2 https://x"], "hunter2"),
        ("-u admin:hunter2Zx9 https://h/x", "hunter2Zx9"),
        ("password\f=hunter2Zx9", "hunter2Zx9"),
        ("amqp://user:pass@rabbit:5672", "user:pass@"),
        ("https://user:passwd@h", "passwd"),
        ({"rawHeaders": ["Accept", "*/*", "X-Api-Key", "Q1z8Kq7L"]}, "Q1z8Kq7L"),
    ],
)
def test_a_secret_at_the_edge_of_a_string_is_hidden(value: Any, secret: str) -> None:
    assert _is_hidden(value, secret)


@pytest.mark.parametrize(
    "value",
    [
        {"headers": ["api_key", "User2Id", "id", "name"]},
        {"csv_headers": ["auth", "X1Y2Z3", "a", "b"]},
        "access code 12345 was refused by the linker",
        "Error: authentication code 1045 (28000)",
        "security code 2023 edition",
        "openssl x509 -k file.pem",
        "postgres://user:password@localhost:5432/db",
    ],
)
def test_headings_error_codes_and_examples_are_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: P@ss(w0rd)9\nuser: x", "w0rd)9"),
        ("login user=ann password=x>y81!kd ip=1", "y81!kd"),
        ("DB_PASSWORD=a&b#c81$d", "b#c81$d"),
        ("db.password=Tr0ub4dor&3x!", "3x!"),
        ("url?a=b&password=x9#k,l!z8&next=1", "l!z8"),
        ("password=!bang81kd ip=1", "!bang81kd"),
        ("db.password=correct-horse-battery", "correct-horse-battery"),
        ("password = '@Adm1n2024'", "@Adm1n2024"),
        ("password = '$ecr3t!Pass'", "$ecr3t!Pass"),
    ],
)
def test_a_password_with_characters_that_end_other_values_is_hidden_whole(text: str, secret: str) -> None:
    assert _is_hidden(text, secret)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('password := []byte("abz81kdq")', "abz81kdq"),
        ('String pw = new String("abz81kdq");', "abz81kdq"),
        ("password: Brisk.Otter.42", "Brisk.Otter.42"),
        ("Wi-Fi password: sunny-dog-42", "sunny-dog-42"),
        ('  ~ password = "Maple#2210" -> "Maple#2211"', "Maple#2211"),
        ("Set-Variable -Name password -Value 'pwsh-81x'", "pwsh-81x"),
        ("aws ssm put-parameter --name /db/password --value kd81kd0 --type SecureString", "kd81kd0"),
        ("password <- Sys.getenv('PW', unset = 'R-lang-81')", "R-lang-81"),
        ("jwt.sign(payload, 'zk81Kd02-secret')", "zk81Kd02-secret"),
        ("crypto.createHmac('sha256', 'zk81Kd02ks')", "zk81Kd02ks"),
        ("hmac.new(b'zk81Kd02ks', message, 'sha256')", "zk81Kd02ks"),
        ("Fernet(b'zk81Kd02ksLpQmNbVcXzAsDf=')", "zk81Kd02ksLpQmNbVcXzAsDf="),
        ('api.login("ann", "zk81Kd")', "zk81Kd"),
        ("db.auth('a','zk81Kd')", "zk81Kd"),
        ("C: AUTH PLAIN AGFubgB6azgxS2Q=", "AGFubgB6azgxS2Q"),
        ("The password for the staging database is Xy7kd82.", "Xy7kd82"),
        ("**Password:** kd81kd0", "kd81kd0"),
        ("**API key**: kd81kd02", "kd81kd02"),
        ("| DB_PASSWORD | kd81kd0x |", "kd81kd0x"),
        ("| **password** | `kd81kd0` |", "kd81kd0"),
        ("id       | 1\npassword | kd81kd0\n", "kd81kd0"),
        ("credentials: bob:kd81kd0", "kd81kd0"),
        ("Your OTP is 448291.", "448291"),
        ("your password is: tmp-81-Pw", "tmp-81-Pw"),
        ("the secret key is kd81kd02ks", "kd81kd02ks"),
        ('ConvertTo-SecureString "opensesame" -AsPlainText -Force', "opensesame"),
        ('<setting name="ClientSecret"><value>stg81kd02</value></setting>', "stg81kd02"),
        ('<password value="kd81kd0"/>', "kd81kd0"),
        ("gh auth login --with-token <<< gh81kd02ks91", "gh81kd02ks91"),
        ("useradd -p kd81kd0 bob", "kd81kd0"),
        ("smbclient //h/s -U bob%kd81kd0", "kd81kd0"),
        ("lftp -u bob,kd81kd0 ftp.example.com", "kd81kd0"),
        ("npm config set //registry.npmjs.org/:_authToken kd81kd02ks", "kd81kd02ks"),
        ("url=postgres%3A%2F%2Fapp%3ApctDb81k%40db%2Fx", "pctDb81k"),
        ("https://outlook.office.com/webhook/a1b2@c3/IncomingWebhook/0123456789abcdef", "0123456789abcdef"),
        ("https://maker.ifttt.com/trigger/ev/with/key/kd81kd02ksPq", "kd81kd02ksPq"),
        ("https://events.pagerduty.com/integration/kd81kd02ksPq/enqueue", "kd81kd02ksPq"),
        (
            "apiVersion: v1\ndata:\n  ca.crt: LS0t\n  url: aHVudGVyMg==\nkind: Secret\nmetadata:\n  name: x",
            "aHVudGVyMg==",
        ),
        ("kind: Secret\nstringData:\n  x: tulip\n", "tulip"),
        ("#HttpOnly_.x.org\tTRUE\t/\tTRUE\t1790000000\tsessionid\th7Qk2Xw9Lm4Z", "h7Qk2Xw9Lm4Z"),
        ("db_password\n  String is short [type=x, input_value='tulip', input_type=str]", "tulip"),
        ("COPY public.c (id, client_secret) FROM stdin;\n1\tsec_Yk7mQ\n2\t\\N\n", "sec_Yk7mQ"),
        ("COPY public.c (id, client_secret, active) FROM stdin;\n1\tsec_Yk7mQ\tt\n", "sec_Yk7mQ"),
        ("aws_access_key_id: x\nAWS Secret Access Key [None]: Rm8kT2vQz6pX4nLw9bJc", "Rm8kT2vQz6pX4nLw9bJc"),
        ("A senha do servidor é Tucano-Azul7", "Tucano-Azul7"),
        ("Das Passwort vom Server lautet Rot-kehl7", "Rot-kehl7"),
        ("the password - kd81Pear", "kd81Pear"),
        ("password: Seeadler_09\n", "Seeadler_09"),
        ("password vso[task.setvariable variable=X;issecret=true]tulip", "tulip"),
        ("proxy_set_header X-Api-Key n7Kd2Qm9Xw4Z;", "n7Kd2Qm9Xw4Z"),
        ("RequestHeader set X-Api-Key n7Kd2Qm9Xw4Z", "n7Kd2Qm9Xw4Z"),
        ("db_password = $pbkdf2-sha512$25000$Xq7Lm2Rv9Bz4$Kc8Hs1Gf5Ju0", "Kc8Hs1Gf5Ju0"),
        ("key: x\nset vpn peer pre-shared-secret tulip", "tulip"),
        ("key\nrocommunity tulip 10.0.0.0/8", "tulip"),
        ("key: sqlplus scott/tulip@orcl", "tulip"),
        ("key: net use Z: \\\\fs1\\share tulip8 /user:ann", "tulip8"),
        ("key: WIFI:T:WPA;S:net;P:tulip;;", "tulip"),
        ("key: WIFI:S:net;T:WPA;P:tulip;;", "tulip"),
        ("secret_phrase: old river stone candle maple", "old river stone candle maple"),
        ("WALLET_SECRET_PHRASE=old river stone candle maple", "old river stone candle maple"),
        ("secret-recovery-phrase: ivy old river stone candle maple", "ivy old river stone candle maple"),
        ("- name: DB_PASSWORD\n\xa0\xa0value: hunter22x", "hunter22x"),
        ("used 1/1305180030583294:1fe53e11d53baee7fba43366f0876745", "1fe53e11d53baee7fba43366f0876745"),
    ],
)
def test_a_secret_in_markup_and_in_arguments_of_tools_is_hidden(text: str, secret: str) -> None:
    assert _is_hidden(text, secret)


@pytest.mark.parametrize("name", ["code_verifier", "codeVerifier", "community_string", "githubPat", "github-pat"])
def test_a_name_that_is_documented_as_strong_needs_no_other_suspicious_word(name: str) -> None:
    assert json.loads(Redactor().apply(to_json({name: "hx72bbk19xq"}), "output")) == {name: "[redacted]"}


@pytest.mark.parametrize(
    "text",
    [
        "Password - 8characters minimum",
        "mot de passe - 12caractères",
        "password: Section_1",
        "password: Errors:12",
    ],
)
def test_what_a_form_or_a_book_says_behind_a_colon_is_kept(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "value",
    [
        {"securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}},
        '"jsonwebtoken": "^9.0.2"',
        'Set `password: "<your password>"` in config.yml',
        "password: { required: true, minLength: 8 }",
        "password: [rules.required, rules.min(8)]",
        "errors: { password: 'Password is too short' }",
        "'password' => 'nullable|min:6'",
        'api_key_header = APIKeyHeader(name="X-API-Key")',
        "password = settings.Db.Password2",
        "password = new PasswordField(20);",
        'token := []byte(os.Getenv("TOKEN"))',
        "jwt.decode(token, key, algorithms=['HS256'])",
        "The password for the database is stored in Vault.",
        {"key": "user42"},
        "| password | string | yes |",
        "| `password` | `string` | x |",
        "| api_key | sk_live_... |",
        "x = a | token | b2c3d4",
        "echo password | md5sum",
        "password: str | None = None",
        "**API Key:** *required*",
        "**Password:** min 8 characters",
        "password: foo:bar",
        {"auth_method": "oauth2"},
        {"key": "Q4_2025"},
        {"key": "ed25519"},
        "auth: OAuth2",
        "password_algorithm=sha256",
        "auth: { type: 'oauth2' }",
        "password: { type: String, required: true, minlength: 8 }",
        'the tool takes {"password": {"type": "string", "minLength": 8}}',
        'password := flag.String("password", "", "the password")',
        "SECRET_KEY=${SECRET_KEY:?required}",
        "password=${env:DB_PASSWORD}",
        "password: !Ref DBPassword",
        "password: <%= ENV['DB_PASSWORD'] %>",
        "token_url = 'https://x.org/oauth2/token'",
        "PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']",
        "password = user1.pw(a@b, 2)",
        "password=hash(user1, salt2)&next=1",
        "password = @password1",
    ],
)
def test_algorithms_schemas_and_references_are_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


def test_at_least_97_percent_of_generated_secrets_are_hidden() -> None:
    cases = [case for seed in SEEDS for case in hidden_cases(seed)]
    missed = [value for value, secret in cases if not _is_hidden(value, secret)]
    print(f"hidden: {1 - len(missed) / len(cases):.1%} of {len(cases)} generated")
    assert len(missed) <= 0.03 * len(cases), missed


def test_at_least_97_percent_of_generated_harmless_values_are_kept() -> None:
    cases = [case for seed in SEEDS for case in harmless_cases(seed)]
    changed = [value for value in cases if json.loads(redactor.apply(to_json(value))) != value]
    print(f"kept: {1 - len(changed) / len(cases):.1%} of {len(cases)} generated")
    assert len(changed) <= 0.03 * len(cases), changed


def _seconds(value: Any) -> float:
    text = to_json(value)
    started = time.thread_time()
    redactor.apply(text)
    return time.thread_time() - started


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_with_the_length_only(name: str) -> None:
    value = HOSTILE[name]
    half = value[: len(value) // 2] if isinstance(value, str) else dict(list(value.items())[: len(value) // 2])
    growth = min(_seconds(value) / max(_seconds(half), 1e-6) for _ in range(4))
    if growth >= 3:
        hold_processor(_seconds(value), 0.02, f"a text, {growth:.1f} times its first half,")


def test_where_the_line_of_a_value_begins_is_not_looked_for_far_before_it() -> None:
    value = ";PASSWORD=hunter22x" * 200_000
    part = value[: len(value) // 4]
    growth = min(_seconds(value) / _seconds(part) for _ in range(3))
    if growth >= 8:
        hold_processor(_seconds(value), 0.4, f"a text of one line, {growth:.1f} times its first quarter,")


def test_a_word_of_another_alphabet_without_a_value_costs_little() -> None:
    value = "hasło do bazy " * 7000
    hold_processor(min(_seconds(value) for _ in range(4)), 0.02, "a text without a value")


def test_a_text_without_a_suspicious_word_costs_at_most_six_times_its_encoding() -> None:
    words = (
        "the of and that with system model answer question data result document value number time user agent".split()
    )
    source = random.Random(1)
    value = [{"role": "user", "content": " ".join(source.choices(words, k=60))} for _ in range(30)]
    text = to_json(value)
    assert redactor.apply(text) is text
    ratios: list[float] = []
    for _ in range(7):
        encoding = min(_timed(lambda: to_json(value)) for _ in range(5))
        ratios.append(min(_timed(lambda: redactor.apply(text)) for _ in range(5)) / encoding)
    print(f"redaction takes {min(ratios):.1f} times the encoding")
    hold(min(ratios), 6)


def _timed(call: Callable[[], object]) -> float:
    started = time.thread_time()
    for _ in range(20):
        call()
    return time.thread_time() - started


def test_a_redacted_argument_is_redacted_where_it_is_repeated() -> None:
    value = {"args": {"password": "Sw0rdfish"}, "error": "wrong password 'Sw0rdfish' for bob", "n": 1}
    text = redactor.apply(to_json(value)).decode()
    assert "Sw0rdfish" not in text
    assert json.loads(text)["n"] == 1


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"Authorization": "Bearer PINE4cone77"}},
        {"headers": {"Authorization": ["Bearer PINE4cone77"]}},
        {"headers": ["Authorization: Bearer PINE4cone77"]},
        {"headers": {"Cookie": "lang=English; sid=PINE4cone77"}},
        {"connection_string": "Server=h;Password=PINE4cone77"},
        "POST / HTTP/1.1\nAuthorization: Bearer PINE4cone77\n",
    ],
)
def test_the_credential_in_a_redacted_value_is_redacted_where_it_is_repeated_alone(value: Any) -> None:
    recorded = json.loads(redactor.apply(to_json({"input": value, "echo": "sent PINE4cone77 in English"})))
    assert recorded["echo"] == "sent [redacted] in English"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY----- is the first line of a PEM file.",
        'if text.startswith("-----BEGIN PRIVATE KEY-----"):\n    return load(text)\nraise ValueError("no key")\n',
        "const begin = '-----BEGIN RSA PRIVATE KEY-----';\nconst end = '-----END RSA PRIVATE KEY-----';\n",
        "A key stands between `-----BEGIN EC PRIVATE KEY-----` and `-----END EC PRIVATE KEY-----`.",
        'return f"-----BEGIN PRIVATE KEY-----" + body + "-----END PRIVATE KEY-----"',
        "password: !vault",
        "api_key: !reference [.defaults, key]",
    ],
)
def test_what_only_mentions_a_key_or_a_vault_is_kept(text: str) -> None:
    assert json.loads(redactor.apply(to_json(text))) == text
    assert json.loads(redactor.apply(to_json({"a": text, "b": to_json([text]).decode()})))["a"] == text


@pytest.mark.parametrize(
    "text",
    [
        '"-----BEGIN PRIVATE KEY-----" +\n  "MIIEvQIBADANBgkqhkiG9w0BAQ" +\n  "-----END PRIVATE KEY-----"',
        "'-----BEGIN PRIVATE KEY-----',\n 'MIIEvQIBADANBgkqhkiG9w0BAQ'",
        "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQ",
        "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQ\\n-----END PRIVATE KEY-----",
        'KEY = """-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ',
    ],
)
def test_the_body_of_a_key_in_literals_is_hidden(text: str) -> None:
    assert _is_hidden(text, "MIIEvQIBADANBgkqhkiG9w0BAQ")


def test_a_secret_split_over_the_chunks_of_a_stream_is_found() -> None:
    value = {"result": ["The key is ", "ghp_a1B2a1", "B2a1B2a1B2a1B2", "a1B2 and", " more"]}
    found = json.loads(redactor.apply(to_json(value), "output"))["result"]
    assert "".join(found) == "The key is [redacted] and more"
    assert len(found) == 5


def _choice(index: int, text: str) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}}]}


def _call(index: int, text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": {"arguments": text}}]}}]}


@pytest.mark.parametrize("chunk", [_choice, _call])
def test_a_secret_split_over_choices_or_calls_that_come_in_turn_is_found(
    chunk: Callable[[int, str], dict[str, Any]],
) -> None:
    texts = [*zip(('{"passw', 'ord": "Xk9h', 'unter2Qz7"}'), ('{"lang', 'uage": ', '"de"}'), strict=True)]
    chunks = [chunk(index, text) for pair in texts for index, text in enumerate(pair)]
    recorded = redactor.apply(to_json({"result": chunks}), "output").decode()
    assert not [part for part in ("Xk9h", "unter", "Qz7") if part in recorded]
    assert [part for part in ("lang", "uage", "de") if part not in recorded] == []


CHUNK_FORMS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "dictionaries": lambda chunks: chunks,
    "events": lambda chunks: [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks],
    "JSON lines": lambda chunks: [json.dumps(chunk) + "\n" for chunk in chunks],
}


@pytest.mark.parametrize("form", CHUNK_FORMS)
@pytest.mark.parametrize("each", [1, 2, 3], ids=lambda each: f"{each} of each index")
@pytest.mark.parametrize("at_once", [1, 2], ids=lambda at_once: f"{at_once} at once")
def test_a_secret_split_over_items_whose_index_counts_upwards_is_found(form: str, each: int, at_once: int) -> None:
    texts = ["The key ", "is ", "ghp_a1B2", "c3D4e5F6", "g7H8i9J0", "k1L2m3N4o5P6q7R8", " and", " more"]
    items = [{"index": number // each, "text": text} for number, text in enumerate(texts)]
    chunks = [{"items": items[first : first + at_once]} for first in range(0, len(items), at_once)]
    recorded = redactor.apply(to_json({"result": CHUNK_FORMS[form](chunks)}), "output").decode()
    assert [part for part in texts[2:6] if part in recorded] == []
    assert [part for part in (*texts[:2], *texts[6:], "[redacted]") if part not in recorded] == []


def test_choices_in_turn_each_with_calls_in_turn_are_each_one_text() -> None:
    texts = ["The key ", "is ", "ghp_a1B2", "c3D4e5F6", "g7H8i9J0", "k1L2m3N4o5P6q7R8", " and", " more"]
    places = [(choice, call) for choice in (1, 0) for call in (2, 0, 1)]
    for place in places:
        chunks = [
            {"choices": [{"index": choice, "calls": [{"index": call, "text": text if own else f"word {number} "}]}]}
            for number, text in enumerate(texts)
            for choice, call in places
            for own in [(choice, call) == place]
        ]
        recorded = redactor.apply(to_json({"result": chunks}), "output").decode()
        assert [part for part in texts[2:6] if part in recorded] == []
        assert recorded.count("word ") == len(texts) * (len(places) - 1)


@pytest.mark.parametrize("first", [None, 1, 2.5, True])
def test_a_secret_split_over_chunks_is_found_if_the_stream_begins_with_another_value(first: object) -> None:
    value = {"result": [first, "The key is gl", "dt-VPmPWFiBadk83uJBycfD ok"]}
    assert json.loads(redactor.apply(to_json(value), "output")) == {"result": [first, "The key is [redacted]", " ok"]}


class _Cleared(dict[str, Any]):
    """What is remembered, as it is if another thread clears it right after each question."""

    def __contains__(self, key: object) -> bool:
        known = super().__contains__(key)
        self.clear()
        return known


def test_a_secret_is_found_while_another_thread_clears_what_is_remembered() -> None:
    names = SecretNames()
    names.understood = _Cleared()
    found = [find_secrets(Scan(["password = 'hunter2x'"], names)) for _ in range(3)]
    assert found == [[(12, 20)]] * 3


def test_many_secrets_that_are_split_over_many_chunks_take_time_in_proportion() -> None:
    few, many = ({"result": ["ghp_a1B2", "a1B2a1B2a1B2a1B2 and "] * count} for count in (500, 4000))
    growth = min(_output_seconds(many) / _output_seconds(few) for _ in range(4))
    hold(growth, 16, "8 times the secrets, as a multiple,")


def _output_seconds(value: Any) -> float:
    text = to_json(value)
    started = time.thread_time()
    assert b"ghp_" not in redactor.apply(text, "output")
    return time.thread_time() - started


def test_the_document_lists_what_is_found() -> None:
    document = PATH.read_text(encoding="utf-8")
    assert with_tables(document) == document, "run: python -m tests.processors.document"


def test_redaction_is_counted_in_the_metadata_of_the_operation() -> None:
    trace = TraceInfo("t", "a", None)
    span = Span(
        trace, Span(trace, None, TRACE, "a", None), TOOL, "login", to_json({"password": "Sw0rdfish", "pin": 1234})
    )
    redactor.process((Phase.START, span, None))
    span.error = to_json({"message": "bad password Sw0rdfish"})
    redactor.process((Phase.END, span, None))
    assert span.more_metadata == (b'{"redacted":3}',)
    assert b"Sw0rdfish" not in span.error


def test_a_secret_argument_is_redacted_in_the_errors_of_the_operations_around_it() -> None:
    trace = TraceInfo("t", "a", None)
    root = Span(trace, None, TRACE, "a", None)
    agent = Span(trace, root, AGENT, "support", to_json({"question": "log me in"}))
    tool = Span(trace, agent, TOOL, "login", to_json({"password": "Sw0rdfish"}))
    for span in (root, agent, tool):
        redactor.process((Phase.START, span, None))
    for span in (tool, agent, root):
        span.error = to_json({"message": "Sw0rdfish was refused"})
        redactor.process((Phase.END, span, None))
        assert span.error == to_json({"message": "[redacted] was refused"})


def test_one_line_exempts_a_key_or_adds_a_format() -> None:
    own = Redactor(patterns=[r"EMP-\d{6}"], keep=["session_key"])
    assert json.loads(own.apply(to_json({"session_key": "a1B2c3D4", "t": "EMP-123456"}))) == {
        "session_key": "a1B2c3D4",
        "t": "[redacted]",
    }


def _offsets_of_a_border(value: str) -> list[str]:
    """A text in which a value stands at the end of the stretches that are searched at once, a bit further each time."""
    return [" x" * (size // 2 - back) + "\n" + value for size in (2048, 16_384) for back in range(0, 40, 3)]


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("ghp_a1B2a1B2a1B2a1B2a1B2", "a1B2"),
        ("phc_NwOlCZ2UfjrHhY65ZtCvfA2JXh38aQFFBZYi91XtTCa", "NwOl"),
        ("password=hunter2Zx9", "hunter2"),
        ("curl -u bob:hunter2Zx9 https://x", "hunter2"),
        ("postgres://bob:hunter2Zx9@db/x", "hunter2"),
        ("the password is hunter2Zx9", "hunter2"),
        ("<password>hunter2Zx9</password>", "hunter2"),
        ("Authorization: Bearer abcd1234efgh", "abcd1234"),
    ],
)
def test_a_secret_is_found_wherever_it_stands_in_a_long_text(value: str, secret: str) -> None:
    assert all(_is_hidden(text, secret) for text in _offsets_of_a_border(value))


@pytest.mark.parametrize("begin", ["api_key=", "ghp_", "Authorization: Bearer ", "password:\n  ",
                                   "-----BEGIN PRIVATE KEY-----\n"])  # fmt: skip
@pytest.mark.parametrize("back", [10, 25, 30])
def test_a_secret_that_begins_in_a_dense_stretch_does_not_end_behind_it(begin: str, back: int) -> None:
    dense = "password=a1 token: b key=c secret: d " * 2000
    body = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9c" + ("\nR2tY4uI6oP8" * 9 if "KEY" in begin else "")
    end = "-----END PRIVATE KEY-----\n" if "KEY" in begin else ""
    text = f"{dense[: 30 * 2048 - back]}\n{begin}{body}\n{end}" + "and so on\n" * 300
    left = Redactor().text(text)
    assert body[-10:] not in left
    assert left.endswith("and so on\n" * 250)


def _patterns_by_needle() -> dict[str, list[re.Pattern[str]]]:
    needles = [one for group in compiled_groups() for _, some in group.needles for one in some]
    found: dict[str, list[re.Pattern[str]]] = {needle: [] for needle, *_ in needles}
    for needle, _, searches in needles:
        found[needle] += [pattern for _, pattern in searches]
    return found


@pytest.mark.parametrize(("needle", "patterns"), sorted(_patterns_by_needle().items()))
def test_each_pattern_begins_with_its_literal(needle: str, patterns: list[re.Pattern[str]]) -> None:
    for pattern in patterns:
        first = re.sub(r"^\(\?P<name>", "", pattern.pattern).replace("\\", "")
        assert first.startswith((needle.strip(), f"(?:{needle.strip()}")), pattern.pattern


def _dense(lines: list[Any], size: int = 100_000) -> str:
    """A text of nothing but suspicious lines, longer than what is examined word by word."""
    text = "\n".join(line for line in lines if isinstance(line, str))
    return "\n".join([text] * (size // len(text) + 1))


def test_a_text_of_nothing_but_secrets_hides_them_all_though_there_is_no_time_to_examine_each() -> None:
    cases = [case for case in [*HIDE, *hide_first.HIDE, *second.HIDE, *third.HIDE] if isinstance(case[0], str)]
    left = redactor.text(_dense([value for value, _ in cases]))
    missed = [value for value, secret in cases if secret in left]
    assert len(missed) <= 0.01 * len(cases), missed


def test_a_long_text_in_which_each_line_resembles_a_secret_keeps_what_stands_before_values() -> None:
    text = _dense([*KEEP, *keep_first.KEEP, *second.KEEP, *third.KEEP])
    assert len(redactor.text(text)) > 0.6 * len(text)


def test_secret_names_are_found_among_many_keys_as_they_are_alone() -> None:
    many = {f"column {number}": "x" for number in range(30)}
    names = sorted({*STRONG, *WEAK, *("_".join(pair) for pair in STRONG_PAIRS)})
    for name in names:
        alone = {name: "Q1z8Kq7Lm2"}
        assert _is_hidden({**many, **alone}, "Q1z8Kq7Lm2") == _is_hidden(alone, "Q1z8Kq7Lm2"), name


@pytest.mark.parametrize("count", [100, 300])
def test_a_secret_split_over_the_chunks_of_a_stream_is_found_behind_a_chunk_with_many_texts(count: int) -> None:
    state = {"messages": [{"role": "user", "content": "hello", "name": "a", "kind": "text"} for _ in range(count)]}
    texts = ["The key is ", "ghp_a1B2a1", "B2a1B2a1B2a1B2", "a1B2 and", " more"]
    value = {"result": [["values", state], *(["messages", {"content": text}] for text in texts)]}
    found = json.loads(redactor.apply(to_json(value), "output"))["result"]
    assert "".join(part["content"] for _, part in found[1:]) == "The key is [redacted] and more"


@pytest.mark.parametrize(
    ("table", "secrets"),
    [
        ("user,password\nann,tulip\nbob,rose\n", ["tulip", "rose"]),
        ('"user","secret"\n"ann, b","x""y9"\n', ['x""y9']),
        ("user\tpin\nann\t4711\n", ["4711"]),
        ("| user | PIN |\n|---|---|\n| ann | 4711 |\n", ["4711"]),
        ("user;api_key\r\nann;kd81kd0\r\n", ["kd81kd0"]),
        ("| user | password |\n|------|----------|\n| ann | Kd81-kd0 |\n", ["Kd81-kd0"]),
        (" id | token \n----+-------\n  1 | kd81kd0x\n(1 row)\n", ["kd81kd0x"]),
        ("name, password, email\nann, tul1ps!x, a@b.c\nbob, ros3s!x, q@r.s\n", ["tul1ps!x", "ros3s!x"]),
        ("name; secret; note_2\nann; tul1ps!x; none\n", ["tul1ps!x"]),
        ("INSERT INTO users (id, password, email)\nVALUES (1, 'S3cret!x', 'a@b')", ["S3cret!x"]),
        ("insert into users (password, email)\nvalues\n  ('tulip', 'a')", ["tulip"]),
    ],
)
def test_the_column_under_the_name_of_a_secret_is_hidden(table: str, secrets: list[str]) -> None:
    assert not any(secret in redactor.text(table) for secret in secrets)
    assert not any(secret.encode() in redactor.apply(to_json([table])) for secret in secrets)
    assert redactor.text(table).startswith(table.splitlines()[0])


def test_all_columns_of_secrets_in_a_long_table_are_hidden_and_no_other() -> None:
    rows = [f"name{number},tulip{number},rose,lily{number},town{number}" for number in range(6000)]
    text = "\n".join(["user,password,pin_code,secret,city", *rows, "", "the end"])
    for left in (redactor.text(text), json.loads(redactor.apply(to_json(text)))):
        assert "tulip" not in left
        assert "lily" not in left
        assert all(f"name{number},[redacted]" in left for number in range(0, 6000, 7))
        assert all(f"[redacted],town{number}\n" in left for number in range(0, 6000, 7))
        assert left.endswith("\n\nthe end")


@pytest.mark.parametrize(
    "text",
    [
        "token,count,pos\nhunter2x,3,NOUN\n",
        "field,password\nrequired,true\n",
        "| field | password |\n|---|---|\n| type | string |\n",
        "name, password, and key\nwere lost, found, and b2b lost\n",
        "import token, secrets, os\nfrom a import b, c, d\n",
        "user,password\nno table follows\n",
        "from a.tokens import X, TToken\nfrom b import TArc, TLineNo\n",
        "'a_token', 'b_token',\n'c_v2', 'id_hint1',\n",
        '"a_token", "b_token",\n"c_v2", "id_hint1",\n',
        "    a_token, b_token,\n    c_v2, id_hint1,\n",
        ", a_token, b_token\n, c_v2, id_hint1\n",
        "import os,secrets\nimport sys,json\n",
        "import os; import secrets\nimport sys; import base64b\n",
        "select id, password\nfrom users, accounts2x\n",
        "return token, secret\nreturn value1, other1x\n",
        "global a,password\nx1y2z3,yy1y2z3\n",
        "| Pin | Function |\n|---|---|\n| GPIO21 | SDA |\n",
        "pin,function\n13,LED\nGPIO21,SDA\n",
        "signal\tesp32_pin\nSDA\tGPIO21\nSCL\t1021A\n",
        "chip;reset pin\nx;PB6\n",
    ],
)
def test_what_only_resembles_a_table_of_secrets_is_kept(text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "passphrase: correct horse battery staple",
        "  wifi_password = blue sky over hamburg  # at home",
        "mnemonic: legal winner thank year wave sausage",
        "mnemonic: cookie winner thank year wave sausage",
    ],
)
def test_plain_words_behind_the_name_of_a_passphrase_at_the_beginning_of_a_line_are_hidden(text: str) -> None:
    left = redactor.text(f"ssid: home\n{text}\nchannel: 11")
    assert text.split()[-1] == "home" or text.split()[3] not in left
    assert left.startswith("ssid: home\n")
    assert left.endswith("\nchannel: 11")


@pytest.mark.parametrize(
    "text",
    [
        "passphrase: minimum twelve characters required",
        "The passphrase: correct horse battery staple",
        "password: ask the person next door",
        "cookie: butter sugar flour eggs",
        "secret: love trust time patience",
        "password: required field",
        "password: escribe tu clave aqui",
        "passwort: bitte ein neues wort",
        "password: wrong password entered twice",
        "mot de passe: entrez votre nouveau mot",
        "password = escribe tu clave aqui",
        "password = wrong password entered twice",
        "user_password: same rules apply everywhere",
    ],
)
def test_sentences_behind_such_a_name_are_kept(text: str) -> None:
    assert redactor.text(f"Notes\n{text}\nmore") == f"Notes\n{text}\nmore"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I set the password: hunter2... today", "I set the password: [redacted]... today"),
        ("api_key = abc123def45...", "api_key = [redacted]..."),
        ('api_key="sk-..."', 'api_key="sk-..."'),
        ("api_key = ghp_abc1...", "api_key = ghp_abc1..."),
        ("a $argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo b", "a [redacted] b"),
        ("a,$argon2i$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo,b", "a,[redacted],b"),
        ("a,$scrypt$ln=16,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo,b", "a,[redacted],b"),
        ("a,$2b$12$c2FsdHNhbHQaGFzaGhhc2hoYXNo,b", "a,[redacted],b"),
    ],
)
def test_secrets_before_dots_and_hashes_with_parameters_are_hidden(text: str, left: str) -> None:
    assert redactor.text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        'headers.append((b"set-cookie", cookie_val.encode("latin-1")))',
        'digest = password.encode("latin-1")',
        'secret.decode("iso8859x")',
        'fill("password").encode("latin1")',
        'value = get_secret("prod-db-1")',
        'boto.get_secret_value("prod/db-1")',
        'read_password("eu-west-1")',
        'translate("password", "step-2")',
    ],
)
def test_an_encoding_or_the_name_of_a_secret_in_a_call_is_kept(text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        'set_password("Summer-2024")',
        'auth = ("password", "Summer-2024")',
        'os.environ.get("DB_PASSWORD", "Summer-2024")',
        'page.fill("#password", "Summer-2024")',
        'driver.find("password").send_keys("Summer-2024")',
    ],
)
def test_words_and_numbers_that_a_call_sets_are_hidden(text: str) -> None:
    assert "Summer-2024" not in redactor.text(text)


@pytest.mark.parametrize(
    "value",
    [
        [["name", "password"], ["ann", "tulip"], ["bob", "rose"]],
        [["id", "user", "api_key"], [1, "ann", "tulip"], [2, "bob", "rose"]],
        {"columns": ["user", "password"], "rows": [["ann", "tulip"], ["bob", "rose"]]},
        {"fields": [{"name": "user"}, {"name": "secret"}], "data": [["ann", "tulip"], ["bob", "rose"]]},
        [["service", "secret"], ["ann", "tulip"], ["bob", "rose"]],
        "INSERT INTO u (name, password) VALUES ('ann', 'tulip'),\n ('bob', 'rose');",
    ],
)
def test_the_columns_of_secrets_in_rows_are_hidden(value: Any) -> None:
    recorded = redactor.apply(to_json(value)).decode()
    assert "tulip" not in recorded
    assert "rose" not in recorded
    assert "ann" in recorded
    assert "bob" in recorded


@pytest.mark.parametrize(
    "value",
    [
        {"columns": ["user", "age"], "rows": [["ann", "tulip"]]},
        [["name", "age"], ["ann", 7]],
        [["name", "password"], ["ann", True]],
        {"columns": ["token", "count"], "rows": [["the", 12]]},
        {"columns": ["token", "logprob"], "rows": [["Xq7ab12Zp", -0.1], ["hunter22x", -2]]},
        {"fields": [{"name": "tokens"}, {"name": "Score"}], "data": [["Xq7ab12Zp", 1]]},
        [["id", "token", "label"], ["a1", "Xq7ab12Zp", "noun"]],
        {"columns": ["pin", "function"], "rows": [[13, "LED"], ["GPIO21", "SDA"]]},
        [["name", "pin"], ["led", 13], ["data", "GPIO21"]],
        "basic_publish(exchange='', routing_key='orders.eu1.created', binding_key='orders.eu1.x')",
        {"routing_key": "orders.eu1.created", "sharding_key": "user4x21", "ordering_key": "a1b2c3"},
    ],
)
def test_other_columns_in_rows_are_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


@pytest.mark.parametrize("first", ["id", "name", "user", "username", "login", "email", "account", "service", "host"])
@pytest.mark.parametrize(
    "rest",
    [
        [["password", "hunter22"]],
        [["age", "7"], ["Authorization", "hunter22"]],
        [["password", "tulip22"], ["api_key", "hunter22"]],
        [["password", {"value": "hunter22"}]],
    ],
)
def test_pairs_that_begin_like_the_header_of_a_table_are_pairs(first: str, rest: list[Any]) -> None:
    pairs = [[first, "bob"], *rest]
    for value in (pairs, {"headers": pairs}, {"a": [pairs]}, [[first, "password"], *rest]):
        recorded = redactor.apply(to_json(value)).decode()
        assert "hunter22" not in recorded
        assert first in recorded


@pytest.mark.parametrize(
    "value",
    [
        {"id": "faq-password", "content": "Click the link"},
        {"id": "reset-token", "v": 2, "content": "See hunter22x"},
        {"selector": "#password", "content": "Passwords have 12 characters"},
        {"keyName": "api_key", "content": "hunter22x"},
        {"id": "docs/secret.md", "title": "Secrets", "content": "hunter22x"},
        {"name": "faq-password", "content": "Click the link"},
        {"selector": "#password", "text": "Password"},
        {"element": "Password field", "text": "Enter 8chars or more"},
        {"type": "token", "value": "a1b2c3d4"},
        {"path": "src/password.py", "value": "a1b2c3d4"},
        {"kind": "ConfigMap", "data": {"url": "hunter22"}},
        "kind: Secret\nmetadata:\n  name: x\n---\nkind: ConfigMap\ndata:\n  a: bcde1234\n",
        "kind: ExternalSecret\ndata:\n  a: bcde1234\n",
        "kind: Secret\ndata:\n  a: ${X}\n  ca.crt: LS0t\n",
        {"kind": "Secret", "data": {"ca.crt": "LS0t"}},
        {"type": "random_pet", "values": {"result": "hunter22"}},
        {"credentials": "include"},
        {"alarm_code": 1202},
        {"login_codes": [200, 401], "lastAlarmCode": 17},
        [["id", "alarm_code"], [1, 1202], [2, 17]],
        {"name": "faq-password", "content": "How to reset your password in 8steps"},
        {"name": "How to reset a password", "content": "Click the link"},
        {"name": "Reset password", "content": "Click the link"},
        {"name": "docs/password", "content": "Click the link"},
        {"name": "reset_password", "type": "password", "content": "Click the link"},
        {"role": "tool", "name": "get_password", "content": "Sent by mail"},
        {"op": "add", "path": "/definitions/CookieObject/properties/Option/enum", "value": ["a1b2c3d4"]},
        {"op": "replace", "path": "/spec/template/spec/imagePullSecrets/0", "value": {"name": "regcred"}},
        {"op": "add", "path": "/spec/imagePullSecrets/-", "value": {"name": "regcred"}},
        {"op": "add", "path": "/metadata/annotations/secret-hash", "value": "abc"},
        {"type": "password", "value": "********"},
        {"type": "password", "value": "••••••••"},
        {"type": "password", "title": "x", "value": {"minLength": 8}},
        {"name": "field 3", "type": "password", "value": None},
        {"setting": "theme", "newValue": "a1b2c3d4", "oldValue": "b2c3d4e5"},
    ],
)
def test_documents_and_numbers_of_events_are_kept(value: Any) -> None:
    assert json.loads(redactor.apply(to_json(value))) == value


@pytest.mark.parametrize(
    "value",
    [
        {"id": "db-password", "value": "hunter22"},
        {"selector": "#password", "val": "hunter22"},
        {"keyName": "api_key", "value": "hunter22"},
        {"name": "DB_PASSWORD", "content": "hunter22"},
        {"id": 7, "name": "DB_PASSWORD", "content": "hunter22"},
        {"id": "7", "name": "DB_PASSWORD", "content": "hunter22"},
        {"login_codes": ["hunter22"]},
        {"selector": "#password", "text": "hunter22"},
        {"element": "Password", "text": "hunter22"},
        {"setting": "smtp.password", "newValue": "hunter22"},
        {"op": "replace", "path": "/db/password", "value": "hunter22"},
        {"type": "password", "value": "hunter22"},
        {"name": "field 3", "type": "password", "value": "hunter22"},
        {"kind": "Secret", "data": {"url": "hunter22", "ca.crt": "LS0t"}},
        {"type": "random_password", "instances": [{"attributes": {"length": 8, "result": "hunter22"}}]},
        {"type": "random_password", "values": {"result": "hunter22"}},
        {"key": "Cookie", "content": "sid=hunter22; theme=dark"},
        {"name": "password", "content": "correct hunter22 battery staple"},
        {"header": "Authorization", "content": "Bearer hunter22"},
        {"header": "X-Api-Key", "content": "the hunter22"},
        {"header": "set-cookie", "content": "sid=hunter22; Path=/"},
        {"name": "smtp_password", "content": "correct hunter22 battery staple"},
        {"name": "db-password", "content": "correct hunter22 battery staple"},
        {"name": "API key", "content": "the hunter22"},
        {"op": "replace", "path": "/data/password", "value": "hunter22"},
        {"op": "add", "path": "/data/example.com~1password", "value": "hunter22"},
        {"op": "add", "path": "/users/7/passwords/0", "value": "hunter22"},
        {"op": "add", "path": "/passwords/-", "value": "hunter22"},
        {"op": "add", "path": "/spec/0/credentials", "value": {"a": "hunter22"}},
        {"op": "add", "path": "/spec/imagePullSecrets/0", "value": {"name": "regcred", "password": "hunter22"}},
        {"setting": "smtp_password", "newValue": "hunter22", "oldValue": "hunter22"},
        {"setting": "smtp_password", "newValue": "x", "oldValue": "hunter22"},
        {"name": "password", "value": "x", "previousValue": "hunter22"},
    ],
)
def test_values_that_such_fields_name_are_hidden(value: Any) -> None:
    assert "hunter22" not in redactor.apply(to_json(value)).decode()


@pytest.mark.parametrize("value", [{"login_code": 483920}, {"login_codes": [483920, 200]}, {"pin_code": 4839}])
def test_numbers_that_are_codes_to_log_in_with_are_hidden(value: dict[str, Any]) -> None:
    assert "4839" not in redactor.apply(to_json(value)).decode()


@pytest.mark.parametrize("mode", ["include", "omit", "same-origin"])
@pytest.mark.parametrize("name", ["password", "api_secret", "Credentials-Secret"])
def test_a_password_that_is_a_mode_of_fetch_is_hidden(name: str, mode: str) -> None:
    for value in ({name: mode}, [[name, mode]], {"name": name, "value": mode}):
        assert mode not in redactor.apply(to_json(value)).decode()
    for value in ({"credentials": mode}, {"fetch": {"method": "GET", "credentials": mode}}):
        assert json.loads(redactor.apply(to_json(value))) == value
