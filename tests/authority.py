"""A certificate authority for tests, and the files that servers and clients take."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from attrs import frozen
from cryptography.hazmat.primitives import serialization


@frozen
class Issued:
    """A certificate and its key, each in a file, and both in one."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Issues certificates into a folder; `bundle` is what trusts them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.bundle = folder / "authority.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.bundle)

    def issue(self, name: str = "127.0.0.1", *, expired: bool = False) -> Issued:
        """Issue for a host's name or address, or for a client's e-mail address."""
        yesterday = datetime.now(UTC) - timedelta(days=1)
        leaf = self._authority.issue_cert(name, not_after=yesterday) if expired else self._authority.issue_cert(name)
        stem = f"{name}{'-expired' if expired else ''}"
        issued = Issued(self.folder / f"{stem}.pem", self.folder / f"{stem}.key", self.folder / f"{stem}-both.pem")
        issued.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(issued.key)
        leaf.private_key_and_cert_chain_pem.write_to_path(issued.both)
        return issued

    def context(self, *, expired: bool = False, wants: "Authority | None" = None, newest: bool = True) -> ssl.SSLContext:
        """Return a server's context; `wants` is the authority of the client certificates that it requires."""
        issued = self.issue(expired=expired)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        if not newest:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if wants is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(wants.bundle)
        return context


def encrypted(key: Path, password: str) -> Path:
    """Return a copy of a key that needs a password."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
    how = serialization.BestAvailableEncryption(password.encode())
    copy = key.with_name(f"{key.name}.encrypted")
    copy.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    return copy
