"""The vendor's Python clients, oss2 and alibabacloud-oss-v2, against `corsuite serve`: what they put they read back, and the errors
they raise are the ones that the vendor's documents name.

    python oss_clients.py http://127.0.0.1:PORT

`.ci/run peers` installs what this needs and starts the server.
"""

import sys

import alibabacloud_oss_v2 as v2
import oss2
import requests
from alibabacloud_oss_v2.models.bucket_cors import OptionObjectRequest
from oss2.credentials import StaticCredentialsProvider
from oss2.models import BucketCors, CorsRule

ENDPOINT = sys.argv[1]
KEY, SECRET, REGION = "corsuite-owner", "corsuite-owner-secret", "cn-hangzhou"
RULES = [
    dict(
        allowed_origins=["https://*.example.com", "http://localhost:8080"],
        allowed_methods=["GET", "PUT"],
        allowed_headers=["content-type", "x-oss-*"],
        expose_headers=["ETag", "x-oss-request-id"],
        max_age_seconds=600,
    ),
    dict(allowed_origins=["*"], allowed_methods=["HEAD"], allowed_headers=[], expose_headers=[], max_age_seconds=None),
]
NAMES = list(RULES[0])


def told(rules):
    """Rules as the clients give them back."""
    return [{name: list(value) if isinstance(value, (list, tuple)) else value or None for name, value in rule.items()} for rule in rules]


def refused(call, code, status, kind):
    """A call raises this class, with this code and status."""
    try:
        call()
    except kind as error:
        error = error.unwrap() if hasattr(error, "unwrap") else error
        found = (getattr(error, "code", None), getattr(error, "status", None) or getattr(error, "status_code", None))
        assert found == (code, status), (found, error)
        return error
    raise AssertionError(f"nothing raised, and {code} was expected")


def raw_rules(origins=("*",), methods=("GET",), count=1):
    return [CorsRule(allowed_origins=list(origins), allowed_methods=list(methods)) for _ in range(count)]


def oss2_client(auth, bucket_name):
    version = type(auth).__name__
    bucket = oss2.Bucket(auth, ENDPOINT, bucket_name, region=REGION)
    bucket.create_bucket()
    refused(bucket.get_bucket_cors, "NoSuchCORSConfiguration", 404, oss2.exceptions.NoSuchCors)
    bucket.put_bucket_cors(BucketCors([CorsRule(**rule) for rule in RULES]))
    found = bucket.get_bucket_cors().rules
    assert told([{name: getattr(rule, name) for name in NAMES} for rule in found]) == told(RULES), found
    # A second one replaces the first.
    bucket.put_bucket_cors(BucketCors(raw_rules()))
    assert [rule.allowed_origins for rule in bucket.get_bucket_cors().rules] == [["*"]]
    server = oss2.exceptions.ServerError
    refused(lambda: bucket.put_bucket_cors(BucketCors(raw_rules(count=21))), "CORSRuleBeyondLimit", 400, server)
    refused(lambda: bucket.put_bucket_cors(BucketCors(raw_rules(methods=["PATCH"]))), "InvalidArgument", 400, server)
    refused(lambda: bucket.put_bucket_cors(BucketCors(raw_rules(origins=["*a*"]))), "InvalidArgument", 400, server)
    refused(lambda: bucket.put_bucket_cors(BucketCors([])), "MalformedXML", 400, server)
    assert len(bucket.get_bucket_cors().rules) == 1, "a refused document changed the rules"
    # An object, by a URL that was signed, as a page would read it.
    bucket.put_object("a b/c.txt", b"content")
    url = bucket.sign_url("GET", "a b/c.txt", 60, slash_safe=True)
    answer = requests.get(url, headers={"Origin": "https://app.example"}, timeout=10)
    assert (answer.status_code, answer.content, answer.headers.get("Access-Control-Allow-Origin")) == (200, b"content", "*"), answer.headers
    bucket.delete_bucket_cors()
    bucket.delete_bucket_cors()
    refused(bucket.get_bucket_cors, "NoSuchCORSConfiguration", 404, oss2.exceptions.NoSuchCors)
    wrong = oss2.Bucket(type(auth)(*secrets(auth, "another")), ENDPOINT, bucket_name, region=REGION)
    refused(wrong.get_bucket_cors, "SignatureDoesNotMatch", 403, oss2.exceptions.SignatureDoesNotMatch)
    nobody = oss2.Bucket(oss2.AnonymousAuth(), ENDPOINT, bucket_name, region=REGION)
    refused(nobody.get_bucket_cors, "AccessDenied", 403, oss2.exceptions.AccessDenied)
    missing = oss2.Bucket(auth, ENDPOINT, "corsuite-no-such-bucket", region=REGION)
    refused(missing.get_bucket_cors, "NoSuchBucket", 404, oss2.exceptions.NoSuchBucket)
    bucket.delete_object("a b/c.txt")
    bucket.delete_bucket()
    print(f"oss2 {oss2.__version__}, {version}: ok")


def secrets(auth, secret):
    """A key of the same id, as this kind of authentication takes it."""
    return (StaticCredentialsProvider(KEY, secret),) if isinstance(auth, oss2.ProviderAuthV4) else (KEY, secret)


def v2_client(signature, bucket):
    def client(secret):
        config = v2.config.load_default()
        config.credentials_provider = v2.credentials.StaticCredentialsProvider(KEY, secret)
        config.region, config.endpoint = REGION, ENDPOINT
        config.use_path_style, config.signature_version = True, signature
        config.retry_max_attempts = 1
        return v2.Client(config)

    store = client(SECRET)
    server = v2.exceptions.OperationError
    store.put_bucket(v2.PutBucketRequest(bucket=bucket))
    get = lambda: store.get_bucket_cors(v2.GetBucketCorsRequest(bucket=bucket)).cors_configuration
    put = lambda rules, vary=None: store.put_bucket_cors(
        v2.PutBucketCorsRequest(bucket=bucket, cors_configuration=v2.CORSConfiguration(cors_rules=rules, response_vary=vary))
    )
    rule = lambda **more: v2.CORSRule(**{**dict(allowed_origins=["*"], allowed_methods=["GET"]), **more})
    refused(get, "NoSuchCORSConfiguration", 404, server)
    put([v2.CORSRule(**rule) for rule in RULES], True)
    found = get()
    assert told([{name: getattr(one, name) for name in NAMES} for one in found.cors_rules]) == [
        {name: value or None for name, value in one.items()} for one in RULES
    ], [vars(one) for one in found.cors_rules]
    assert found.response_vary is True, found.response_vary
    asked = dict(bucket=bucket, key="k", origin="https://a.example.com", access_control_request_method="PUT")
    answer = store.option_object(OptionObjectRequest(**asked, access_control_request_headers="x-oss-date"))
    names = ["allow_origin", "allow_methods", "allow_headers", "expose_headers", "max_age"]
    said = [getattr(answer, f"access_control_{name}") for name in names]
    assert said[0] == "https://a.example.com" and "PUT" in said[1] and said[2].lower() == "x-oss-date", said
    assert said[3:] == ["ETag, x-oss-request-id", 600], said
    stranger = OptionObjectRequest(**{**asked, "origin": "https://evil.example"})
    refused(lambda: store.option_object(stranger), "AccessForbidden", 403, server)
    refused(lambda: put([rule() for _ in range(21)]), "CORSRuleBeyondLimit", 400, server)
    refused(lambda: put([rule(expose_headers=["*"])]), "InvalidArgument", 400, server)
    assert len(get().cors_rules) == 2, "a refused document changed the rules"
    delete = lambda: store.delete_bucket_cors(v2.DeleteBucketCorsRequest(bucket=bucket))
    assert (delete().status_code, delete().status_code) == (204, 204)
    refused(get, "NoSuchCORSConfiguration", 404, server)
    wrong = client("another")
    refused(lambda: wrong.get_bucket_cors(v2.GetBucketCorsRequest(bucket=bucket)), "SignatureDoesNotMatch", 403, server)
    store.delete_bucket(v2.DeleteBucketRequest(bucket=bucket))
    print(f"alibabacloud-oss-v2 {v2.__version__}, signature {signature}: ok")


oss2_client(oss2.Auth(KEY, SECRET), "corsuite-peer-1")
oss2_client(oss2.ProviderAuthV4(StaticCredentialsProvider(KEY, SECRET)), "corsuite-peer-2")
v2_client("v1", "corsuite-peer-3")
v2_client("v4", "corsuite-peer-4")
