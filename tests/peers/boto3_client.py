"""The Python client of AWS, boto3, against `corsuite serve --dialect s3`: what it puts it reads back, and the errors that it raises are
those of S3.

    python boto3_client.py http://127.0.0.1:PORT

`.ci/run peers` installs what this needs and starts the server.
"""

import socket
import sys

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
KEY, SECRET = "corsuite-owner", "corsuite-owner-secret"
RULES = [
    {
        "ID": "first",
        "AllowedOrigins": ["https://*.example.com", "http://localhost:8080"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["Content-Type", "x-amz-*"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


# Names under localhost are this machine (RFC 6761), which not every resolver knows.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)


def client(key=KEY, secret=SECRET, style="path", checksums="when_supported"):
    endpoint = ENDPOINT.replace("127.0.0.1", "localhost") if style == "virtual" else ENDPOINT
    config = Config(signature_version="s3v4", s3={"addressing_style": style}, request_checksum_calculation=checksums, retries={"max_attempts": 1})
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1", config=config)


def refused(call, code, status):
    """A call raises this code with this status."""
    try:
        call()
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), (found, error)
        return error.response
    raise AssertionError(f"nothing raised, and {code} was expected")


def put(s3, bucket, rules):
    return s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def round_trip(s3, bucket):
    s3.create_bucket(Bucket=bucket)
    missing = refused(lambda: s3.get_bucket_cors(Bucket=bucket), "NoSuchCORSConfiguration", 404)
    assert missing["Error"]["BucketName"] == bucket, missing
    put(s3, bucket, RULES)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    # A second one replaces the first.
    simple = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    put(s3, bucket, [simple])
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [simple]
    put(s3, bucket, [simple] * 100)
    refused(lambda: put(s3, bucket, [simple] * 101), "InvalidRequest", 400)
    refused(lambda: put(s3, bucket, [{**simple, "AllowedMethods": ["PATCH"]}]), "InvalidRequest", 400)
    refused(lambda: put(s3, bucket, [{**simple, "AllowedOrigins": ["*a*"]}]), "InvalidRequest", 400)
    refused(lambda: put(s3, bucket, [{**simple, "ExposeHeaders": ["x-*"]}]), "InvalidRequest", 400)
    refused(lambda: put(s3, bucket, []), "MalformedXML", 400)
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100, "a refused document changed the rules"
    put(s3, bucket, RULES)
    # An object, by a URL that was signed, as a page would read it.
    s3.put_object(Bucket=bucket, Key="a b/c.txt", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/c.txt"}, ExpiresIn=60)
    answer = requests.get(url, headers={"Origin": "https://app.example.com"}, timeout=10)
    fields = [answer.headers.get(f"Access-Control-Allow-{name}") for name in ("Origin", "Credentials")]
    assert (answer.status_code, answer.content, fields) == (200, b"content", ["https://app.example.com", "true"]), answer.headers
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Amz-Date"}
    preflight = requests.options(url, headers=asked, timeout=10)
    assert (preflight.status_code, preflight.headers.get("Access-Control-Allow-Headers")) == (200, "x-amz-date"), preflight.headers
    s3.delete_bucket_cors(Bucket=bucket)
    s3.delete_bucket_cors(Bucket=bucket)
    refused(lambda: s3.get_bucket_cors(Bucket=bucket), "NoSuchCORSConfiguration", 404)
    s3.delete_object(Bucket=bucket, Key="a b/c.txt")
    s3.delete_bucket(Bucket=bucket)
    refused(lambda: s3.get_bucket_cors(Bucket=bucket), "NoSuchBucket", 404)


for number, (style, checksums) in enumerate([("path", "when_supported"), ("virtual", "when_supported"), ("path", "when_required")]):
    round_trip(client(style=style, checksums=checksums), f"boto3-{number}")
    print(f"boto3, {style}, checksums {checksums}: rules, errors and header fields as S3 has them")
owner = client()
owner.create_bucket(Bucket="boto3-keys")
put(owner, "boto3-keys", RULES)
refused(lambda: client(secret="another").get_bucket_cors(Bucket="boto3-keys"), "SignatureDoesNotMatch", 403)
refused(lambda: client(key="nobody").get_bucket_cors(Bucket="boto3-keys"), "InvalidAccessKeyId", 403)
other = client(key="corsuite-other", secret="corsuite-other-secret")
refused(lambda: other.get_bucket_cors(Bucket="boto3-keys"), "AccessDenied", 403)
print("boto3: wrong keys and a second account are refused")
