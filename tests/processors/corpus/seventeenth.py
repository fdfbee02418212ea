"""The seventeenth batch: names, texts and structures of the kinds of the samples, written whole before it was run."""

from __future__ import annotations

from typing import Any

NAMES = """
accessKey|access_key|access_key_secret|access-token|accountKey|account_password|adminPwd|admin_pass
adminSecret|api-secret|apiPassword|api_pass|apiPrivateKey|apiToken|api_token|appKeySecret
application_key|application_secret|artifactoryPassword|auth0_client_secret|authKey|auth_key|auth_pass
authPassword|authSecret|authorization_token|authorizationHeader|authorization_header|aws_secret_key
awsSecretKeyId|azure_client_secret|backup_password|basicAuthPassword|basic_auth_pass|bearer|bearerAuth
bot_token|cardCvv|card_cvv|certificate_password|cert_key|clientCredentials|client_key|clientPassword
clientToken|consumer_secret|consumerKey|cookie|cookies|cookieValue|credential|credentialValue|cred
creds|cryptoKey|csrf_token|customerPin|cvc|cvv_code|database_password|db_pwd|dbSecret|db_credentials
decryption_key|defaultPassword|default_password|deploy_key|deployToken|digestAuth|dockerPassword
ecdsa_private_key|ed25519_private_key|elastic_password|email_password|encPassword|encrypted_password
encryptionSecret|firebase_token|ftp_password|gcp_credentials|genericSecret|git_token|googleClientSecret
grafana_api_key|hash_password|hashed_password|hashedPassword|heroku_api_key|hmacKey|httpPassword
id_secret|identityToken|initial_password|integrationKey|internalToken|jdbcPassword|jenkins_password
jwt|jwtToken|jwt_token|kafka_password|keyPassword|key_password|keypass|keystorePassword
kms_key_secret|ldapPassword|licenseKey|license_key|login_password|loginToken|mailPassword|mail_pass
managementPassword|masterPassword|master_secret|mysqlPassword|mysql_root_password|newPassword|new_pass
newPwd|nonceSecret|npm_auth_token|oauthToken|oauth_token|oauth_token_secret|oldPassword|old_passwd
openai_api_key|otp_secret|otpauth|pass_phrase|passPhrase|passkey|passwd2|passwd_hash|password_digest
passwordDigest|password_salt|passwordConfirmation|passwordRepeat|password_plaintext|plainPassword
plain_text_password|paypal_secret|personalAccessToken|personal_access_token|pgpass|pin2|pinNumber
pin_number|postgresPassword|private-key|privateKey|private_key_id|private_token|proxyPassword
proxy_pass|publishToken|pwd|pwdHash|rabbitmq_pass|readToken|recovery_codes|redis_password
refreshToken|registryPassword|registry_token|resetPasswordToken|root_password|rootPwd|rsaPrivateKey
saslPassword|sasl_password|secretAnswer|secret_answer|secretKey|secret_key|secretToken|secret_token
secretkey|secrets|securityAnswer|securityCode|security_code|security_token|sentry_auth_token
serviceKey|service_account_key|service_token|session_cookie|sessionKey|session_key|session_token
setCookie|sharedKey|shared_secret|sharedAccessKey|shared_access_signature|signature_key|signingKey
signing_key|sms_code|smtp_password|snapshotPassword|sql_password|ssh_password|sshKey|ssh_key
sshPrivateKey|sslKeyPassword|storage_key|stripe_key|sudo_password|superSecret|svn_password
syncPassword|telegram_token|temp_password|tempPassword|temporaryPassword|testPassword|tokenSecret
token_secret|totp|totp_code|transaction_pin|truststore_password|twilio_auth_token|unlock_code
upload_token|userPassword|user_pass|user_pin|userSecret|vault_token|verificationCode|verification_code
vnc_password|vpn_password|webhook_secret|webhookUrlSecret|wifi_password|winPassword|write_key
x_api_key|xApiKey|x-auth-token|zip_password|zoom_secret|mot-de-passe|motdepasse|contrasenha|clave
claveAcceso|senha|senha_atual|passwort_alt|kennwort|wachtwoord|lösenord|hasło|heslo|jelszó|salasana
adgangskode|parola|şifre|пароль|密码|密碼|パスワード|비밀번호
"""

# fmt: off
HIDE: list[tuple[Any, str]] = [
    *(({name: f"Xq7{name}Zp9"}, f"Xq7{name}Zp9") for name in NAMES.replace("\n", "|").split("|") if name),
    ({'databaseUrl': 'postgres://a:Zq5Wx7Ec@h/x'}, 'Zq5Wx7Ec'),
    ({'database_uri': 'postgres://a:Zq5Wx7Ec@h/x'}, 'Zq5Wx7Ec'),
    ({'jdbc_url': 'postgres://a:Zq5Wx7Ec@h/x'}, 'Zq5Wx7Ec'), ({'mongoUri': 'postgres://a:Zq5Wx7Ec@h/x'}, 'Zq5Wx7Ec'),
    ('pwd=Zq5Wx7Ec', 'Zq5Wx7Ec'), ("passwd: 'Zq5Wx7Ec'", 'Zq5Wx7Ec'), ("password='ab \\'Zq5Wx7Ec'", 'Zq5Wx7Ec'),
    ('password = "a\'b Zq5Wx7Ec"', 'Zq5Wx7Ec'), ('password: "ab, Zq5Wx7Ec"', 'Zq5Wx7Ec'),
    ("secret: 'x=y;Zq5Wx7Ec'", 'Zq5Wx7Ec'), ("api_key => 'Zq5Wx7Ec'", 'Zq5Wx7Ec'), ("apiKey:'Zq5Wx7Ec'", 'Zq5Wx7Ec'),
    ('if (password === "Zq5Wx7Ec") {', 'Zq5Wx7Ec'), ("if secret != 'Zq5Wx7Ec':", 'Zq5Wx7Ec'),
    ('password   :=   "Zq5Wx7Ec"', 'Zq5Wx7Ec'), ('PASSWORD\t=\tZq5Wx7Ec', 'Zq5Wx7Ec'),
    ('-p Zq5Wx7Ec --password Zq5Wx7Ec9', 'Zq5Wx7Ec'), ('--token=Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ("--secret 'Zq5Wx7Ec'", 'Zq5Wx7Ec'), ('--api-key "Zq5Wx7Ec"', 'Zq5Wx7Ec'),
    ('<password>Zq5Wx7Ec</password>', 'Zq5Wx7Ec'), ('<db:password>Zq5Wx7Ec</db:password>', 'Zq5Wx7Ec'),
    ('<apiKey>Zq5Wx7Ec</apiKey>', 'Zq5Wx7Ec'), ('password%3DZq5Wx7Ec', 'Zq5Wx7Ec'), ('token%3AZq5Wx7Ec', 'Zq5Wx7Ec'),
    ('machine x login y account z password Zq5Wx7Ec', 'Zq5Wx7Ec'), ('curl --user bob:Zq5Wx7Ec https://x', 'Zq5Wx7Ec'),
    ('curl -ubob:Zq5Wx7Ec https://x', 'Zq5Wx7Ec'), ('curl -sSu bob:Zq5Wx7Ec https://x', 'Zq5Wx7Ec'),
    ('Authorization: Zq5Wx7Ec', 'Zq5Wx7Ec'), ('authorization: Signature Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ('AUTHORIZATION: Bearer Zq5Wx7Ec', 'Zq5Wx7Ec'), ('Authorization: Hawk id="x", mac="Zq5Wx7Ec"', 'Zq5Wx7Ec'),
    ('X-Auth: Zq5Wx7Ec', 'Zq5Wx7Ec'), ('Cookie: a=1; b=Zq5Wx7Ec; c=2', 'Zq5Wx7Ec'),
    ('Set-Cookie: sid=Zq5Wx7Ec; Path=/', 'Zq5Wx7Ec'), ('cookie: Zq5Wx7Ec=1; x=Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ("{'api_key': 'Zq5Wx7Ec', 'x': 1}", 'Zq5Wx7Ec'), ('{"a": {"secret": "Zq5Wx7Ec"}}', 'Zq5Wx7Ec'),
    ('b\'{"token": "Zq5Wx7Ec"}\'', 'Zq5Wx7Ec'), ('password="""a\nZq5Wx7Ec"""', 'Zq5Wx7Ec'),
    ('before token=Zq5Wx7Ec after', 'Zq5Wx7Ec'), ('before sig=Zq5Wx7Ec1 after', 'Zq5Wx7Ec'),
    ('https://x/?sig=Zq5Wx7EcRtYu', 'Zq5Wx7Ec'), ('https://x/?a=1&signature=Zq5Wx7EcRt', 'Zq5Wx7Ec'),
    ('https://u:Zq5Wx7Ec@h', 'Zq5Wx7Ec'), ('ftp://u:Zq5Wx7Ec@h/x', 'Zq5Wx7Ec'),
    ('postgres://u:Zq5Wx7Ec@h/d', 'Zq5Wx7Ec'), ('redis://:Zq5Wx7Ec@h', 'Zq5Wx7Ec'),
    ('https://Zq5Wx7EcRtYuIo@h/x', 'Zq5Wx7Ec'), ('AccountKey=Zq5Wx7EcRtYu==;', 'Zq5Wx7Ec'),
    ('SharedAccessSignature=sr=x&sig=Zq5Wx7EcRt', 'Zq5Wx7Ec'), ('Bearer Zq5Wx7EcRtYuIoPa', 'Zq5Wx7Ec'),
    ('token Zq5Wx7EcRtYu', 'Zq5Wx7Ec'), ("passphrase: 'my Zq5Wx7Ec horse'", 'Zq5Wx7Ec'),
    ('passphrase = "my Zq5Wx7Ec horse"', 'Zq5Wx7Ec'), ('password: Zq5Wx7Ec # c', 'Zq5Wx7Ec'),
    ('password: Zq5Wx7Ec\nuser: bob', 'Zq5Wx7Ec'), ('  password: Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ('- password: Zq5Wx7Ec', 'Zq5Wx7Ec'), ('DB_PASS=Zq5Wx7Ec\nA=1', 'Zq5Wx7Ec'),
    ('export TOKEN=Zq5Wx7Ec', 'Zq5Wx7Ec'), ('set SECRET=Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ('$env:PASSWORD="Zq5Wx7Ec"', 'Zq5Wx7Ec'), ('client_secret=Zq5Wx7Ec&grant_type=x', 'Zq5Wx7Ec'),
    ('user=x&pwd=Zq5Wx7Ec', 'Zq5Wx7Ec'), ('password[Zq]=1&password=Zq5Wx7Ec', 'Zq5Wx7Ec'),
    ('{\\"password\\": \\"Zq5Wx7Ec\\"}', 'Zq5Wx7Ec'), ('password=Zq5Wx7Ec,user=bob', 'Zq5Wx7Ec'),
    ('password=Zq5Wx7Ec;', 'Zq5Wx7Ec'), ('(password=Zq5Wx7Ec)', 'Zq5Wx7Ec'), ('password=[Zq5Wx7Ec]', 'Zq5Wx7Ec'),
    ("password='Zq5Wx7Ec", 'Zq5Wx7Ec'),
    ("private_key = '-----BEGIN RSA PRIVATE KEY-----\\nZq5Wx7Ec\\n-----END RSA PRIVATE KEY-----'", 'Zq5Wx7Ec'),
    ('hunter: password: "Zq5Wx7Ec", x', 'Zq5Wx7Ec'), ('otp: 774411', '774411'), ('pin=4455', '4455'),
    ('cvv: 321', '321'), ([['authorization', 'Zq5Wx7Ec']], 'Zq5Wx7Ec'),
    ({'headers': [{'name': 'Cookie', 'value': 'Zq5Wx7Ec'}]}, 'Zq5Wx7Ec'),
    ({'headers': [['X-Api-Key', 'Zq5Wx7Ec']]}, 'Zq5Wx7Ec'),
    ({'header': {'Authorization': ['Bearer Zq5Wx7Ec']}}, 'Zq5Wx7Ec'), (['--password', 'Zq5Wx7Ec'], 'Zq5Wx7Ec'),
    (['--token', 'Zq5Wx7Ec'], 'Zq5Wx7Ec'), (['-H', 'Authorization: Bearer Zq5Wx7Ec'], 'Zq5Wx7Ec'),
    (['curl', '-H', 'Cookie: a=Zq5Wx7Ec'], 'Zq5Wx7Ec'), (['--header=X-Api-Key: Zq5Wx7Ec'], 'Zq5Wx7Ec'),
    ({'env': ['PASSWORD=Zq5Wx7Ec']}, 'Zq5Wx7Ec'), ({'env': [{'name': 'API_TOKEN', 'value': 'Zq5Wx7Ec'}]}, 'Zq5Wx7Ec'),
    ({'env': {'A': '1', 'SECRET': 'Zq5Wx7Ec'}}, 'Zq5Wx7Ec'), ({'a': '{"password":"Zq5Wx7Ec"}'}, 'Zq5Wx7Ec'),
    ({'a': 'x {"password":"Zq5Wx7Ec"} y'}, 'Zq5Wx7Ec'),
    ({'args': {'secret': 'Zq5Wx7Ec'}, 'error': 'denied for Zq5Wx7Ec'}, 'Zq5Wx7Ec'),
    ({'args': ['x', {'pin': '987654Zq'}], 'out': 'pin 987654Zq bad'}, '987654Zq'),
    ("['--password', 'Zq5Wx7Ec']", 'Zq5Wx7Ec'), ("{'user': 'x', 'pass': 'Zq5Wx7Ec'}", 'Zq5Wx7Ec'),
    ("(('password', 'Zq5Wx7Ec'),)", 'Zq5Wx7Ec'), ("[('token', 'Zq5Wx7Ec')]", 'Zq5Wx7Ec'),
    ({'url': 'https://x/?token=Zq5Wx7Ec'}, 'Zq5Wx7Ec'), ({'dsn': 'https://Zq5Wx7EcZq5Wx7Ec@sentry.io/1'}, 'Zq5Wx7Ec'),
    ({'conn': 'Server=x;Pwd=Zq5Wx7Ec;'}, 'Zq5Wx7Ec'), ({'result': {'credentials': ['u', 'Zq5Wx7Ec']}}, 'Zq5Wx7Ec'),
    ({'password': {'value': 'Zq5Wx7Ec'}}, 'Zq5Wx7Ec'), ({'password': ['Zq5Wx7Ec']}, 'Zq5Wx7Ec'),
    ({'secret': [['Zq5Wx7Ec']]}, 'Zq5Wx7Ec'), ({'token': {'access_token': 'Zq5Wx7Ec'}}, 'Zq5Wx7Ec'),
    ({'auth': {'token': 'Zq5Wx7Ec'}}, 'Zq5Wx7Ec'),
    ({'name': 'password', 'value': 'Zq5Wx7Ec', 'type': 'text'}, 'Zq5Wx7Ec'),
    ({'k': 'secret', 'v': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'), ({'DB.password': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'),
    ({'config[password]': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'), ({'user.api-key': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'),
    ({'Password ': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'), ({'Api Key': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'),
    ({'password\u200b': 'Zq5Wx7Ec'}, 'Zq5Wx7Ec'),
]

KEEP: list[Any] = [
    {'page_token': 'Zq5Wx7'}, {'nextPageToken': 'Zq5Wx7Ec'}, {'prev_token': 'a1B2c3D4'}, {'token_limit': 5},
    {'tokens_used': 9}, {'token_usage': {'input': 3}}, {'prompt_tokens': 3}, {'completion_tokens': 4},
    {'cached_tokens': 1}, {'stop_tokens': ['x']}, {'pad_token': '[PAD]'}, {'sep_token': '[SEP]'},
    {'token_ids': [1, 2]}, {'tokenizer_name': 'gpt2'}, {'num_tokens': 3}, {'max_new_tokens': 9},
    {'primary_key': 'user_id'}, {'partition_key': 'p1'}, {'cache_key': 'user:1'}, {'sort_key': 'name'},
    {'keys': ['a', 'b']}, {'key': 'name'}, {'key_name': 'id1'}, {'public_key': 'MIIBIjANBg'},
    {'foreign_key': 'order_id'}, {'keyword': 'Abc123x'}, {'keywords': ['a1']}, {'hotkey': 'ctrl+k'},
    {'monkey': 'Abc123x'}, {'passenger_count': 2}, {'passed': True}, {'pass': False}, {'pass_rate': 0.9},
    {'compass': 'N12E'}, {'bypass': 'x1Y2z3'}, {'passport_country': 'DE'}, {'password_policy': 'strong'},
    {'password_min_length': 8}, {'password_reset': True}, {'password_expired': False}, {'password_strength': 'weak'},
    {'password_hint': 'pet'}, {'secret_name': 'db1'}, {'secret_santa': 'Bob1x'}, {'secretary': 'Ann1x'},
    {'is_secret': False}, {'auth': True}, {'auth_type': 'bearer'}, {'auth_method': 'oauth2'}, {'author': 'Bob'},
    {'authors': ['A', 'B']}, {'authority': 'X1y2Z3'}, {'authenticated': True}, {'oauth_enabled': True},
    {'cookie_policy': 'strict'}, {'cookies_enabled': True}, {'credential_type': 'basic'}, {'credentials': 'include'},
    {'pin_count': 4}, {'pinned': True}, {'spinner': 'Abc1'}, {'opinion': 'Ab1c2d'}, {'shipping': 'AB12cd'},
    {'otp_enabled': True}, {'cvv_result': 'M'}, {'salt_water': 'x1Y2'}, {'bearer_of_news': 'Tom'},
    {'session_count': 3}, {'session_name': 'a1'}, {'signature_algorithm': 'RS256'},
    {'hash': 'd41d8cd98f00b204e9800998ecf8427e'}, {'md5': 'd41d8cd98f00b204e9800998ecf8427e'},
    {'id': 'Zq5Wx7EcRtYuIoPa'}, {'uuid': '123e4567-e89b-12d3-a456-426614174000'}, {'etag': 'Zq5Wx7Ec'},
    {'nonce_count': 2}, {'code': 'E1234'}, {'status_code': 200}, {'postal_code': 'SW1A 1AA'},
    {'promo_code': 'SAVE10'}, {'error_code': 'ERR_42x'}, {'barcode': '4006381333931'}, {'encoding': 'utf-8'},
    {'decoder': 'Ab12Cd'}, {'mnemonic_device': 'x'}, {'token': None}, {'token': 3}, {'token': 'hello'},
    {'token': 'a1B'}, {'key': 5}, {'auth': 'none'}, {'bearer': True}, {'password': None}, {'password': True},
    {'secret': None}, {'api_key': None}, {'private_key_path': '/etc/x.pem'}, {'password_file': '/run/secrets/x'},
    {'token_url': 'https://x/token'}, {'token_endpoint': 'https://x/t'}, {'token_type': 'Bearer'},
    {'token_expires_at': 1700000000}, {'key_id': 'K1'}, {'key_size': 2048}, {'key_vault_name': 'kv1'},
    {'key_count': 3}, {'sshd': 'on'}, {'tokenized': 'Ab1 Cd2'}, {'turnkey': 'Yes1no2'}, {'jockey': 'Bob12x'},
    {'whiskey': 'Ab12yr'}, {'disk_encryption_key_source': 'customer'}, 'Reset password for bob@x.org',
    'Your password must contain 8 characters.', 'Forgot password?', 'password: string;', 'password: String,',
    'password?: string', 'password!: string', 'password: &str', 'password: Vec<u8>', 'password = None',
    "password = ''", 'password = ""', 'password=$PASSWORD', 'password=${PASSWORD}', 'password=<password>',
    'password=***', 'password=xxxx', 'password: ...', 'password: N/A', 'password: changeme', 'token = get_token()',
    'token = self.token', 'token = tokens[0]', 'token: int = 0', 'token in tokens', 'key = keys.pop()',
    'key=lambda x: x', 'key in d', 'secret = Secret()', 'secret: Secret', 'secret: the truth',
    'The key to success: work', 'The token economy: a primer', 'Authorization required', 'authorization: optional',
    'Authorization: see below', 'Cookie: a recipe', 'cookie: chocolate chip', 'cookies = {}', 'Bearer with me',
    'bearer token required', 'Basic usage', 'Basic English 101', 'basic auth is off', "token == 'x'", "token != ''",
    'api_key == None', 'password == confirm', 'passwords match', 'pin: required', 'pin to top', 'otp sent',
    'cvv required', '#secret:santa', 'secret:santa', 'compass=N', 'bypass=1', 'surpass: 3', 'trespass: no',
    'keyboard=us', 'monkey=1', 'turkey=2', 'donkey: grey', 'hockey=ice', 'sk-learn', 'sk-ip', 'pk-fire', 'rk_value',
    'hf_transfer', 'gh_pages', 'xox', 'AKI', 'npm_run', 'glpat', 'eyJ', 'SG.', 'key-value', 'key-board-layout',
    'r8_x', 'ya29', 'AIza', 'dop_x', 'whsec_', 'lin_api', 'pypi-simple', 'hvs.', 'shpat', 'see http://x.com:8080/a@b',
    'mail a:b@c', '10:30@noon', 'a@b:c', 'user@host:path', 'git@github.com:x/y.git', 'http://localhost:3000/#/x',
    's3://bucket/key', 'file:///etc/passwd', 'x.y:z@1', 'import token', 'from tokenize import tokenize',
    'class Token:', 'def password(self):', "const Key = 'id'", 'let key: string', "key: 'id'", 'key: "name"',
    '{key: value}', '?key=value', '?page=2&key=name', '--key id', '--tokens 5', '--auth none', '--password-stdin',
    '-p 8080:80', '-u root', '-k test_x',
]
