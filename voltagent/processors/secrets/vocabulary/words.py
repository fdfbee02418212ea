"""The words of key names by which a secret is recognised.

A word is added here in one place; `docs/capture.md` lists them, and a test compares the two.
"""

from __future__ import annotations

from typing import Final

# Every string and number under a key with one of these words is a secret.
_STRONG: Final = (
    "password passwords passwd passw passwrd passphrase passphrases passcode passcodes pwd pswd secret secrets "
    "credential credentials pin otp totp cvv cvc cvv2 cvc2 authorization cookie setcookie apikey apikeys apisecret "
    "onetimecode privatekey secretkey accesskey dbpass dbpwd userpass mypass mysqlpwd pgpassword sshpass rootpass "
    "adminpass creds cred contraseña contrasena contraseñas clave passwort passwörter kennwort senha senhas mdp "
    "motdepasse wachtwoord lösenord salasana hasło heslo jelszó şifre adgangskode passord parola пароль 密码 密碼 "
    "パスワード 비밀번호 암호 暗証番号 psk pw mnemonic bindpw lozinka katasandi matkhau kodeord geslo contrasenya "
    "парола лозинка секрет κωδικός סיסמה mậtkhẩu รหัสผ่าน كلمةالمرور salasõna slaptažodis geheimnis geheim haslo "
    "sifre keypass storepass requirepass masterauth secreto segredo segreto zugangsdaten "
    "credenciales credenciais credenziali mailpass smtppass ftppass httppass redispass ldappass vpnpass wifipass "
    "bindpass loginpass rootpw adminpw userpw dbpw puk 口令 privkey contrasenia contrasenha "
    "parolă κωδικόςπρόσβασης पासवर्ड گذرواژه رمزعبور كلمةالسر סיסמא"
)

# Under these, a value that looks like a credential is one: numbers, ordinary words and short values stay.
_WEAK: Final = (
    "token tokens key keys pass auth bearer jwt jsessionid phpsessid oauth passkey csrftoken authtoken accesstoken "
    "refreshtoken idtoken apitoken bottoken cookies salt sessionid csrf xsrf "
    "instrumentationkey schlüssel schluessel 密钥 令牌 トークン"
)

# What has values of all kinds.
_HOLDERS: Final = "header headers env var vars variable variables result results"
# Words that make a name harmless, or a fact about a secret rather than a secret, by the word that they stand beside:
# `next_token`, `cache_key` (also `s3_key`, whose digit is not part of the word), `password_length`.
_BESIDE: Final = {
    "token": (
        "page pagination next continuation previous prev cursor resume sync scroll skip delta eos bos pad unk sep cls "
        "mask stop start special first last end begin count type id ids limit max min total prompt completion input "
        "output cached reasoning starting per price cost usage num n text index budget rate used remaining bytes "
        "logprob logprobs space url uri endpoint ttl expiry expires lifetime accessor"
    ),
    "key": (
        "public primary foreign sort partition composite natural surrogate cache row range unique index lookup "
        "group dict object idempotency dedup deduplication translation message event field config hot "
        "arrow join order project name names code down up press error type id ids count label keyword column "
        "map sorted issue context metric tag feature registry path file length size gcs blob s publishable "
        "arn algorithm algorithms usage factory checking update updates "
        "binding shard sharding ordering socket fingerprint fingerprints color colour"
    ),
    "strong": (
        "length count policy attempts strength expiry expires expired expiration age required requires enabled "
        "disabled field label hint min max changed updated created at reset url uri link rotation type santa manager "
        "agent policies validity days version placeholder input eaten consent banner file path exists valid is "
        "has name names validator validators hasher hashers score status strategy error errors message prompt "
        "checking title help tooltip instructions warning caption heading button "
        "description schema format regex pattern rules arn provider providers store backend engine ref refs "
        "source class mode ttl lifetime confirmed verified present missing known flow grant checker reader last "
        "sent gpio led accessor domain domains endpoint endpoints algorithm algorithms allow "
        "existing samesite jar id ids "
        "enter wrong incorrect forgot forgotten show hide toggle "
        "command cmd sock socket entropy bits rate ratio reuse num per position avg mean percentage frequency color"
    ),
    "named": _HOLDERS,  # beside a strong word only
    # At the end of a name, behind a strong word: what it has is no secret, even if it looks like one.
    "fact": (
        "name names ref refs arn type types policy policies version versions provider providers consent class strategy "
        "encryption algorithm algorithms schema stdin parser manager mgr handler handlers processor"
    ),
}

# Words among these that do not weaken the word behind them: what has a password, such as a `trust_store_password`.
_OWNERS: Final = f"url uri link file path store manager agent provider providers backend engine source {_HOLDERS}"
OWNERS: Final = frozenset(_OWNERS.split())

# In other alphabets, names are written together, and words have endings: each stem makes a name strong.
_STEMS: Final = (
    "contraseñ lösenord hasło şifre парол лозинка секрет κωδικός סיסמה mậtkhẩu รหัสผ่าน كلمةالمرور salasõna slaptažodis "
    "密码 密碼 口令 パスワード 비밀번호 암호 暗証番号 parolă पासवर्ड گذرواژه رمزعبور كلمةالسر סיסמא"
)
STEMS: Final = tuple(_STEMS.split())
WEAK_STEMS: Final = ("schlüssel", "密钥", "令牌", "トークン")  # the same of weak names, at their end
# Names of two words, each of which says nothing, as text has them; in these languages, sentences have them as well.
_TWO_OF_LANGUAGES: Final = (
    ("mật", "khẩu"),
    ("kata", "sandi"),
    ("كلمة", "المرور"),
    ("كلمة", "السر"),
    ("رمز", "عبور"),
    ("κωδικός", "πρόσβασης"),
)
_TWO: Final = (
    *_TWO_OF_LANGUAGES,
    ("bw", "session"),
    ("seed", "phrase"),
    ("recovery", "phrase"),
    ("pass", "phrase"),
    ("security", "answer"),
    ("community", "string"),
)
TWO_WORDS: Final = tuple(f"{first}{joint}{second}" for first, second in _TWO for joint in " _-")
TWO_STATED: Final = tuple(map(" ".join, _TWO_OF_LANGUAGES))
# What the code of a message is called in other languages.
_CODE_NAMES: Final = (
    "验证码 認証コード 確認コード 인증번호 인증_번호 인증코드 인증_코드 код_подтверждения رمز_التحقق kod_weryfikacyjny "
    "kode_verifikasi kode_otp verificatiecode ihre_tan deine_tan mtan sms-tan pushtan"
)
CODE_NAMES: Final = tuple(name.replace("_", " ") for name in _CODE_NAMES.split())
# Who issues personal access tokens: `GH_PAT`.
_PAT_OWNERS: Final = (
    "github gitlab gh gl azdo ado azure devops jira confluence atlassian bitbucket airtable asana snowflake databricks "
    "dockerhub docker figma sonar sonarqube gitea forgejo npm notion hubspot artifactory jfrog clockify planetscale"
)
PATS: Final = tuple(f"{owner}_pat" for owner in _PAT_OWNERS.split())
# Parts of secret names, by which they are found in a text: each name with one of the words above has one.
_HINTS: Final = (
    "pass secret cred token key auth cookie pin code pwd pswd jwt sessid bearer otp cvv cvc kennwort contrase clave "
    "senha mdp wachtwoord salasana heslo jelsz adgangskode parola psk pw mnemonic lozinka katasandi matkhau kodeord "
    "geslo sessionid salt puk geheim haslo sifre segre zugangsdaten saml schluessel"
)
HINTS: Final = tuple(_HINTS.split())
CERTIFICATES: Final = (".crt", ".pem.pub", "namespace")  # how keys end in a secret of Kubernetes that are no secrets
HINTED: Final = "|".join((*HINTS, *STEMS, *WEAK_STEMS))  # a pattern
# Words that are in most sentences about a password, and in no passphrase.
_IN_SENTENCES: Final = (
    "the an and or is are was be been has have had of to in on at by for from with without as if it its not no can may "
    "must should will would you your my our their this that these those here there when where which who how what why "
    "than then only also per any all each see ask use used using set enter choose please required optional minimum "
    "maximum least most characters character digits numbers words string text field value values empty stored "
    "hidden default invalid valid missing expired changed reset sent found needed unknown disabled enabled policy "
    "wrong incorrect el la los las un una tu su de del para con por que es aqui nueva nuevo le les une votre vous est "
    "pour avec il lo tuo tua della sua seu uma voce bitte ein eine einen das der den dem ihr dein neues mit und "
    "ist het een je uw jouw met ett din ditt med och"
)
IN_SENTENCES: Final = frozenset(_IN_SENTENCES.split())
# With these, the words above are the label of a field, in any language.
_IN_LABELS: Final = "mot de passe api your new old current enter confirm repeat access user"
# Single words that are passwords of programs as often as labels.
_PASSWORDS: Final = "secret secrets geheim geheimnis segreto secreto segredo clave"
# Beside these, the tokens of a column are words.
_OF_WORDS: Final = "count logprob pos tag lemma freq frequency prob score label type"
OF_WORDS: Final = frozenset(_OF_WORDS.split())
STRONG: Final = frozenset(_STRONG.split())
WEAK: Final = frozenset(_WEAK.split())
LABELS: Final = STRONG | WEAK | frozenset(_IN_LABELS.split())
NO_LABELS: Final = frozenset(_PASSWORDS.split())
HARMLESS: Final = {which: frozenset(words.split()) for which, words in _BESIDE.items()}

# Two words in a row that together are as good as one of the above.
STRONG_PAIRS: Final = frozenset(
    (first, second)
    for seconds, firsts in (
        (
            ("key", "keys"),
            (
                "api private secret access hub ssh account encryption decryption signing master shared service "
                "storage auth subscription license licence deploy host hmac aes rsa jwt session crypt cipher "
                "security webhook sas gpg client function functions"
            ),
        ),
        (
            ("code", "codes"),
            (
                "device recovery backup verification security auth otp pin access mfa twofactor factor sms alarm login "
                "unlock fa tfa gate activation"
            ),
        ),
        (("string", "strings"), "connection conn community authentication"),
        (("passe",), "de palavra"),
        (("answer", "answers"), "security"),
        (("signature",), "access"),
        (("pat", "pats"), _PAT_OWNERS),
        (("verifier",), "code"),
        (("community",), "snmp"),
        (("session",), "bw"),
        (("response", "assertion"), "saml"),
        (("assertion",), "client"),
        (("hash",), "bcrypt scrypt argon pbkdf"),
        (("phrase",), "seed recovery pass"),
        (("word", "words"), "pass"),
        (("words",), "seed"),
        (("pass",), "keystore truststore"),
        (("pass",), "db user root admin my sudo ssh smtp mysql pg ftp mail email wifi wlan store become default proxy"),
    )
    for first in firsts.split()
    for second in seconds
)
