"""Signs an image of a registry as cosign does: the signature is an image of its own, named after the digest (sigstore attachments).

    sign.py KEY REGISTRY REPOSITORY TAG IDENTITY

KEY is a private key in PEM; IDENTITY is the reference that the image is signed as. Needs openssl(1).
"""
import base64
import hashlib
import json
import subprocess
import sys
import urllib.request

key, registry, repository, tag, identity = sys.argv[1:]
base = f"http://{registry}/v2/{repository}"
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def ask(method, url, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib.request.urlopen(urllib.request.Request(url, body, names, method=method))


def upload(blob):
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    place = ask("POST", f"{base}/blobs/uploads/", b"").headers["Location"]
    place = place if place.startswith("http") else f"http://{registry}{place}"
    ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", blob, Content_Type="application/octet-stream")
    return {"digest": digest, "size": len(blob)}


manifest = ask("GET", f"{base}/manifests/{tag}", Accept=MANIFESTS).read()
digest = hashlib.sha256(manifest).hexdigest()
payload = json.dumps({
    "critical": {
        "identity": {"docker-reference": identity},
        "image": {"docker-manifest-digest": f"sha256:{digest}"},
        "type": "cosign container image signature",
    },
    "optional": None,
}).encode()
signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=payload, stdout=subprocess.PIPE, check=True).stdout
attachment = json.dumps({
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **upload(b"{}")},
    "layers": [{
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(signed).decode()},
        **upload(payload),
    }],
}).encode()
ask("PUT", f"{base}/manifests/sha256-{digest}.sig", attachment, Content_Type="application/vnd.oci.image.manifest.v1+json")
