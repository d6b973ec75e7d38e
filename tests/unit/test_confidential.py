"""Files with secrets are skipped, and ordinary sources are not."""

import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from archon.cli.files.confidential import secret_in
from archon.cli.files.walk import Walk
from tests.repositories import git

ROOT = Path(__file__).parents[2]
LETTERS = "qZ7wX9eR2tY4uP6aS8dF3gH5jK0lMzCvBnQ1WoEiTrUyLpAsDfGhJk" * 2


def tokens() -> Iterator[tuple[str, str]]:
    """Assembled here, so that this file does not contain one."""
    yield "GitHub Token", "ghp_" + LETTERS[:36]
    yield "GitLab Token", "glpat-" + LETTERS[:20]
    yield "AWS Access Key", "AKIA" + "QZ7WX9ER2TY4UP6A"
    yield "AWS Access Key", f'my_aws_secret_key = "{LETTERS[:40]}"'
    yield "Slack Token", "xoxb-" + "8391047562-" + LETTERS[:24].lower()
    yield "Stripe Access Key", "sk_live_" + LETTERS[:24]
    yield "OpenAI Token", "sk-" + LETTERS[:20] + "T3BlbkFJ" + LETTERS[:20]
    yield "SendGrid API Key", f"SG.{LETTERS[:22]}.{LETTERS[:43]}"
    yield "PyPI Token", "pypi-AgEIcHlwaS5vcmc" + LETTERS[:80]
    yield "NPM tokens", "//registry.example.org/:_authToken=" + "npm_" + LETTERS[:36]
    yield "Azure Storage Account access key", "AccountKey=" + LETTERS[:86] + "=="


@pytest.mark.parametrize(("kind", "token"), [*tokens()])
def test_a_token_is_found_where_it_is_written(kind: str, token: str) -> None:
    assert secret_in("src/settings.py", f'x = 1\nTOKEN = "{token}"\n') == kind
    assert secret_in("deploy/values.yaml", f"token: {token}\n") == kind


@pytest.mark.parametrize("kind", ["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""])
def test_a_private_key_is_one_with_its_body(kind: str) -> None:
    head = f"-----BEGIN {kind}PRIVATE KEY-----"
    for between in ("\n", "\\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n", '"\n    "'):
        assert secret_in("a.pem", head + between + LETTERS[:64]) == "private key"
    assert secret_in("pem.py", f'HEADER = "{head}"\nif line == HEADER:\n    read(file)\n' + "#" * 80) is None
    assert secret_in("cert.pem", "-----BEGIN CERTIFICATE-----\n" + LETTERS[:64]) is None


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "sub/.env", ".env.local", ".env.production", "prod.env", "keys/id_rsa", ".netrc"),
        *("terraform.tfstate", "live/terraform.tfstate.backup", "prod.tfvars", "x.auto.tfvars.json"),
        *("kubeconfig", "staging.kubeconfig", "kubeconfig.yaml", "credentials.json", "client_secret_1.json"),
        *("service-account.json", ".s3cfg", ".vault-token", "h/.cargo/credentials.toml", ".kube/config"),
        *("home/.aws/credentials", ".ssh/id_ed25519", ".pgpass", ".git-credentials", "a/.docker/config.json"),
    ],
)
def test_names_that_are_kept_for_secrets(path: str) -> None:
    assert secret_in(path, "A=1\n") == "its name"


@pytest.mark.parametrize(
    "path",
    [
        *(".env.example", "example.env", ".env.sample", ".env.template", ".env.dist", "deploy/env.example"),
        *("example.tfvars", "terraform.tfvars.example", "main.tf", "credentials.example.json", ".npmrc"),
        *("x/aws/credentials", "docs/kubeconfig.md", "service-account.md", ".yarnrc.yml"),
        *("environment.py", "id_rsa.pub", "credentials.py", "docs/config.json", "env", ".envrc", "x.envoy"),
    ],
)
def test_names_that_are_not(path: str) -> None:
    assert secret_in(path, "A=1\n") is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".npmrc", "registry=https://r.example/\n//r.example/:_authToken=abc123\n"),
        ("web/.npmrc", "_auth = dXNlcjpwYXNz\n"),
        (".npmrc", '//r.example/:_password="cGFzcw=="\n'),
        (".yarnrc.yml", 'npmAuthToken: "abc123"\n'),
        (".envrc", "use flake\nexport GITHUB_TOKEN=abc123\n"),
        (".envrc", "  DB_PASSWORD='hunter2'\n"),
        ("sub/.envrc", 'export aws_secret_access_key="abc"\n'),
    ],
)
def test_a_file_that_is_often_shared_is_one_with_a_secret_written_in_it(path: str, text: str) -> None:
    assert secret_in(path, text) == "token or password"
    assert secret_in("notes.txt", text) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".npmrc", "//r.example/:_authToken=${NPM_TOKEN}\nsave-exact=true\n"),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN}"\nnodeLinker: node-modules\n'),
        (".envrc", 'export GITHUB_TOKEN="$(pass github)"\nexport API_KEY=$OTHER\nexport TOKEN_FILE=a\n'),
        (".envrc", "layout python\nPATH_add bin\nexport PASSWORD=\n"),
    ],
)
def test_a_file_that_fetches_its_secrets_holds_none(path: str, text: str) -> None:
    assert secret_in(path, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7" + "EXAMPLE",
        "ghp_" + "x" * 36,
        "xoxb-" + "1234567890-" + "abcdefgh",
        "def test_the_highs_and_lows_of_the_temperatures_are_found_again_later() -> None: ...",
        "sha256:" + "0123456789abcdef" * 4,
        'password = "hunter2"',
        string.printable * 20,
    ],
)
def test_a_placeholder_is_no_token(text: str) -> None:
    assert secret_in("a.py", text) is None


def test_no_file_of_this_repository_is_held_back() -> None:
    names = git(ROOT, "ls-files", "-z").split(b"\0")[:-1]
    held = {}
    for name in map(bytes.decode, names):
        text = (ROOT / name).read_bytes().decode(errors="replace")
        if found := secret_in(name, text):
            held[name] = found
    assert held == {}


def test_a_secret_file_is_named_and_sent_on_request(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "a.py").write_text("ghp_" + LETTERS[:36])
    walk = Walk(tmp_path)
    assert list(walk) == []
    assert dict(walk.skipped.listed()) == {
        ".env": "holds a secret: its name",
        "a.py": "holds a secret: GitHub Token",
    }
    assert [file.path for file in Walk(tmp_path, include_secrets=True)] == [".env", "a.py"]
