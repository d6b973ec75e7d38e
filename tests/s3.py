"""In: a directory. Out: a real S3 server on loopback (SeaweedFS) with one key and a bucket."""

import json
import sysconfig
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import obstore
from obstore.store import S3Store

from archon.devstack.process import ChildProcess
from archon.runtime.local_ports import HOST, free_ports

ACCESS_KEY: Final = "test-key"
SECRET: Final = "test-secret"
BUCKET: Final = "archon"
_ACTIONS: Final = ("Admin", "Read", "Write", "List")


class S3Server:
    """`environment` points a client to it, by the variables of AWS's own tools."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ports = free_ports(8)
        self.endpoint = f"http://{HOST}:{self._ports[6]}"
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def process(self) -> ChildProcess:
        (self._data_dir / "files").mkdir(parents=True)
        return ChildProcess(
            name="S3",
            version="",
            url=self.endpoint,
            log=self._data_dir / "s3.log",
            ready=self._create_bucket,
            command=self._command(self._keys()),
        )

    def _keys(self) -> Path:
        """With a keys file, the server refuses requests without a key."""
        credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET}]
        file = self._data_dir / "keys.json"
        identity = {"name": "test", "credentials": credentials, "actions": _ACTIONS}
        file.write_text(json.dumps({"identities": [identity]}))
        return file

    def _command(self, keys: Path) -> list[str]:
        names = ("master", "volume", "filer", "s3")
        ports = zip(self._ports[::2], self._ports[1::2], names, strict=True)
        options = {
            "dir": str(self._data_dir / "files"),
            "ip": HOST,
            "ip.bind": HOST,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": "16",
            "volume.max": "100",
            "s3.config": str(keys),
            "s3.autoCreateBucket": "false",
            "s3.iam": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.localSocket": str(self._data_dir / "s3.sock"),
        }
        for http, grpc, name in ports:
            options |= {f"{name}.port": str(http), f"{name}.port.grpc": str(grpc)}
        given = [f"-{name}={value}" for name, value in options.items()]
        return [str(Path(sysconfig.get_path("scripts")) / "weed"), "server", "-filer", "-s3", *given]

    async def _create_bucket(self) -> None:
        store = S3Store(
            BUCKET,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )
        async with httpx.AsyncClient() as http:
            answer = await http.put(await obstore.sign_async(store, "PUT", "", timedelta(minutes=1)))
            if answer.status_code != httpx.codes.CONFLICT:  # it exists already
                answer.raise_for_status()
