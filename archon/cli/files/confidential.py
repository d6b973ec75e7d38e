"""In: a file's name and text. Out: the kind of secret in it, if any, so that it is not sent by accident.

Detects only unmistakable secrets: file names reserved for secrets, private keys with their body, tokens with
an issuer's own format, and known entries of some configuration files. Guesses by entropy or variable names
would reject ordinary sources.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Final

_NAMES: Final = (
    *(".env", ".env.*", "*.env"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "*.ppk"),
    *(".netrc", "_netrc", ".pgpass", ".htpasswd", ".git-credentials", ".pypirc", ".dockercfg"),
    *(".s3cfg", ".boto", ".my.cnf", ".vault-token", "rclone.conf", ".dockerconfigjson"),
    *("*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".terraformrc", "credentials.tfrc.json"),
    *("kubeconfig", "*.kubeconfig", "kubeconfig.y*ml", "credentials.json", "client_secret*.json"),
    *("service-account*.json", "service_account*.json"),
    *(".aws/credentials", ".docker/config.json", ".kube/config", ".cargo/credentials*", ".gem/credentials"),
)
_OFTEN_SHARED: Final = {
    ".npmrc": re.compile(
        r"^[ \t]*(?://[^\n=]*:)?_(?:auth|authToken|password)[ \t]*=[ \t]*[\"']?[^\s\"'$]", re.MULTILINE
    ),
    ".yarnrc.yml": re.compile(r"\bnpmAuth(?:Token|Ident)[\"']?:[ \t]*[\"']?[^\s\"'$]"),
    ".envrc": re.compile(
        r"^[ \t]*(?:export[ \t]+)?\w*"
        r"(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)"
        r"=[\"']?[^\s\"'$`#]",
        re.MULTILINE | re.IGNORECASE,
    ),
}
"""Files that projects commit and people put secrets into, by name: patterns of a literal secret, not one read
from a variable or a command."""
_EXAMPLES: Final = re.compile(r"(^|[._-])(example|sample|template|tmpl|dist|defaults?)([._-]|$)")
"""Example files with settings, meant to be copied: `.env.example`."""
_PLUGINS: Final = {
    ("aws", "AWSKeyDetector"): (r"A(?:KIA|SIA|BIA|CCA|3T)", "aws", "AWS"),
    ("azure_storage_key", "AzureStorageKeyDetector"): ("AccountKey=",),
    ("github_token", "GitHubTokenDetector"): ("gh[pousr]_",),
    ("gitlab_token", "GitLabTokenDetector"): ("gl[a-z]{2,5}-", "GR1348941"),
    ("npm", "NpmDetector"): (":_authToken=",),
    ("openai", "OpenAIDetector"): ("T3BlbkFJ",),
    ("pypi_token", "PypiTokenDetector"): ("pypi-AgE",),
    ("sendgrid", "SendGridDetector"): (r"SG\.",),
    ("slack", "SlackDetector"): ("xox", r"hooks\.slack\.com"),
    ("square_oauth", "SquareOAuthDetector"): ("sq0csp-",),
    ("stripe", "StripeDetector"): ("k_live_",),
}
"""Modules and classes of detect-secrets; its other plugins guess. Each has a string that all its tokens
contain; strings that start with a letter are found many times faster than the token pattern."""
_SIGNS: Final = [(plugin, list(map(re.compile, signs))) for plugin, signs in _PLUGINS.items()]
_KEY_HEADER: Final = "PRIVATE KEY"
_KEY: Final = re.compile(r"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY.{0,300}?[A-Za-z0-9+/]{40}", re.DOTALL)
"""With a line of the key after it: programs that read keys contain only the header."""
_PLACEHOLDER: Final = re.compile(r"EXAMPLE|(.)\1{7}|1234567|abcdefg", re.IGNORECASE)
"""Placeholders for tokens in documentation."""


def secret_in(path: str, text: str) -> str | None:
    """A description of the secret in a file; None if there is none. `path` has forward slashes."""
    if _is_kept_for_secrets(path):
        return "its name"
    often_shared = _OFTEN_SHARED.get(path.rpartition("/")[2].lower())
    if often_shared is not None and often_shared.search(text):
        return "token or password"
    if _KEY_HEADER in text and _KEY.search(text):
        return "private key"
    for plugin, signs in _SIGNS:
        if any(sign.search(text) for sign in signs):
            kind, patterns = _patterns(*plugin)
            if any(_is_token(found) for pattern in patterns for found in pattern.finditer(text)):
                return kind
    return None


def _is_token(found: re.Match[str]) -> bool:
    """False for a part of a longer name, such as `highs_and_lows_...`, and for a placeholder."""
    start = max(found.start(1) if found.re.groups else -1, found.start())
    before = found.string[start - 1 : start]
    return not (before.isalnum() or before == "_") and not _PLACEHOLDER.search(
        found.string, start, found.end()
    )


def _is_kept_for_secrets(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    if _EXAMPLES.search(name):
        return False
    return any(
        fnmatchcase(f"/{path}".lower(), f"*/{each}") if "/" in each else fnmatchcase(name, each)
        for each in _NAMES
    )


@cache
def _patterns(module: str, name: str) -> tuple[str, Sequence[re.Pattern[str]]]:
    """Imported only if a text may contain such a token: detect-secrets takes longer to import than most verbs
    to run."""
    plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    return str(plugin.secret_type), list(plugin.denylist)
