"""Certificates for trying things out: an authority, an intermediate, servers. Made anew each time; good for nothing else.

Needs `cryptography` (the ``dev`` extra).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key.

    :ivar issuer: who signed it; None for an authority
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Certificate | None = None

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        encoding, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, encoding, no_password).decode()


def authority(name: str = "Trial authority", issuer: Certificate | None = None) -> Certificate:
    """An authority of its own, or an intermediate of ``issuer``."""
    return _signed(name, issuer, is_authority=True)


def server(issuer: Certificate | None, host: str = "localhost", *, expired: bool = False) -> Certificate:
    """A server's certificate for ``host`` (a name or an address); signed by itself without an issuer."""
    return _signed(host, issuer, is_authority=False, expired=expired)


def _signed(name: str, issuer: Certificate | None, *, is_authority: bool, expired: bool = False) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.timezone.utc)
    begin, end = (now - 30 * _DAY, now - _DAY) if expired else (now - _DAY, now + 30 * _DAY)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        try:
            known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            known = x509.DNSName(name)
        builder = builder.add_extension(x509.SubjectAlternativeName([known]), critical=False)
    return Certificate(builder.sign(signer, hashes.SHA256()), key, issuer)


def server_context(certificate: Certificate, *, whole_chain: bool = True) -> ssl.SSLContext:
    """TLS for a server.

    :param whole_chain: send the intermediates too, as a server must (RFC 8446 section 4.4.2)
    """
    chain = [certificate.pem]
    above = certificate.issuer
    while whole_chain and above is not None and above.issuer is not None:
        chain.append(above.pem)
        above = above.issuer
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_text(certificate.key_pem + "".join(chain), encoding="ascii")
        context.load_cert_chain(path)
    return context
