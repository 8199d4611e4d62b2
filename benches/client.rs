//! The client side of a campaign beside raw load generators: the same server in another process, as many connections, by turns in one run.
//!
//! The raw one writes the bytes of a campaign's requests, signed before it starts, again and again, and looks for the end of each answer: no
//! generating, no oracle, no signing, no judgement. Each of its connections has a bucket of its own. Before each input it prepares the bucket,
//! as a campaign does: both count those requests, and a server takes other time for them.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark: it takes the time, breaks off by a panic and prints"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use corsuite::campaign::{Reach, block};
use corsuite::case::{Acl, Identity, Operation};
use corsuite::dialect::Dialect;
use corsuite::request::{Draft, Envelope, Site, build, draft};
use corsuite::run::Addressing;
use corsuite::serve;
use corsuite::sign::Scheme;

/// Of a campaign: cases at a time, and requests of a case at a time.
const JOBS: usize = 8;
const BATCH: usize = 8;
/// How long each side sends in a round.
const TIME: Duration = Duration::from_secs(6);
const ROUNDS: u32 = 3;

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        let mut child = corsuite(&["serve"]).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{error}"));
        let mut line = String::new();
        let output = child.stdout.as_mut().unwrap_or_else(|| unreachable!());
        BufReader::new(output).read_line(&mut line).unwrap_or_else(|error| panic!("{error}"));
        let address = line.split("http://").nth(1).unwrap_or_default().trim().to_owned();
        Self(child, address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn corsuite(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corsuite"));
    command.env("OSS_ACCESS_KEY_ID", "corsuite-owner").env("OSS_ACCESS_KEY_SECRET", "corsuite-owner-secret");
    command.env("CORSUITE_OTHER_OSS_ACCESS_KEY_ID", "corsuite-other");
    command.env("CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET", "corsuite-other-secret").env("NO_COLOR", "1").args(arguments);
    command
}

/// The requests of some inputs of a campaign, for a bucket.
fn built(address: &str, bucket: &str) -> Vec<http::Request<bytes::Bytes>> {
    let (owner, other, scheme) = (serve::owner(), serve::other(), Scheme::V4 { region: "cn-hangzhou".to_owned() });
    let site = Site {
        protocol: "http",
        authority: address,
        addressing: Addressing::Path,
        scheme: &scheme,
        credentials: Some(&owner),
        other: Some(&other),
        integrity: Dialect::oss().behaviours.integrity,
        other_variables: "",
    };
    let build_one = |draft: Draft, object: Option<String>, identity: Identity| {
        let envelope = Envelope { bucket: Some(bucket.to_owned()), object, identity };
        build(draft, &envelope, &site, jiff::Timestamp::now()).ok()
    };
    // Known inputs and generated ones.
    let inputs = (0..120).step_by(20).flat_map(|number| block(1, number, Reach::FULL, Dialect::oss()));
    let mut there = Acl::Private;
    let mut objects: Vec<(String, String)> = Vec::new();
    let mut all = vec![build_one(Draft::new(http::Method::PUT, ""), None, Identity::Owner)];
    for case in inputs.map(|input| input.case) {
        for method in [http::Method::DELETE, http::Method::GET] {
            all.push(build_one(Draft::new(method, "cors"), None, Identity::Owner));
        }
        if case.acl != there {
            there = case.acl;
            let mut draft = Draft::new(http::Method::PUT, "acl");
            draft.headers.push(("x-oss-acl".to_owned(), there.as_str().to_owned()));
            all.push(build_one(draft, None, Identity::Owner));
        }
        for (key, content) in case.objects.iter().filter(|object| !objects.contains(object)) {
            let put = Draft { body: content.clone().into(), ..Draft::new(http::Method::PUT, "") };
            all.push(build_one(put, Some(key.clone()), Identity::Owner));
        }
        objects.clone_from(&case.objects);
        all.extend(case.steps.iter().map(|step| match &step.operation {
            Operation::Preflight(preflight) => {
                build_one(draft(&step.operation, &[]), preflight.object.clone(), step.identity)
            }
            Operation::Request(request) if request.body_from.is_none() => {
                // One that changes an object has it put anew before the next input.
                if !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
                    objects.retain(|(key, _)| Some(key) != request.object.as_ref());
                }
                build_one(draft(&step.operation, &[]), request.object.clone(), step.identity)
            }
            Operation::Raw(_) | Operation::Request(_) => None,
            _ => build_one(draft(&step.operation, &[]), None, step.identity),
        }));
    }
    all.into_iter().flatten().collect()
}

/// As bytes, and whether the answer has no body whatever its length says.
fn requests(address: &str, bucket: &str) -> Vec<(bool, Vec<u8>)> {
    let as_bytes = |request: http::Request<bytes::Bytes>| {
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut bytes = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
        for (name, value) in request.headers() {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", request.body().len()).into_bytes());
        bytes.extend(request.body());
        (*request.method() == http::Method::HEAD, bytes)
    };
    built(address, bucket).into_iter().map(as_bytes).collect()
}

/// Requests a second over so many connections, each waiting for its answer before it asks again.
fn raw(address: &str, connections: usize) -> f64 {
    let all: Vec<_> = (0..connections).map(|number| requests(address, &format!("raw-{number}"))).collect();
    let count = AtomicU64::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for requests in &all {
            scope.spawn(|| {
                let Ok(mut stream) = TcpStream::connect(address) else { return };
                drop(stream.set_nodelay(true));
                let mut buffer = vec![0; 1 << 16];
                for (is_head, request) in requests.iter().cycle() {
                    if started.elapsed() >= TIME || stream.write_all(request).is_err() {
                        return;
                    }
                    let mut read = 0;
                    while !is_whole(buffer.get(..read).unwrap_or_default(), *is_head) {
                        match stream.read(buffer.get_mut(read..).unwrap_or_default()) {
                            Ok(0) | Err(_) => {
                                // The server closed it: another one.
                                let Ok(again) = TcpStream::connect(address) else { return };
                                stream = again;
                                break;
                            }
                            Ok(more) => read += more,
                        }
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    per_second(count.into_inner(), started.elapsed())
}

/// The same through the HTTP library that load generators in Rust are built on, with a pool of as many connections.
fn through_hyper(address: &str, connections: usize) -> f64 {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let Ok(runtime) = tokio::runtime::Runtime::new() else { return 0.0 };
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let all: Vec<_> = (0..connections).map(|number| built(address, &format!("hyper-{number}"))).collect();
    let count = std::sync::Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for requests in all {
            let (client, count) = (client.clone(), std::sync::Arc::clone(&count));
            tasks.spawn(async move {
                for request in requests.iter().cycle() {
                    if started.elapsed() >= TIME {
                        return;
                    }
                    if let Ok(answer) = client.request(request.clone().map(Full::new)).await {
                        drop(answer.into_body().collect().await);
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
    per_second(count.load(Ordering::Relaxed), started.elapsed())
}

/// Whether an answer with Content-Length has come to its end.
fn is_whole(answer: &[u8], is_head: bool) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    is_head || answer.len() >= end + 4 + length.unwrap_or(0)
}

/// Requests a second of a campaign, preparation included.
fn campaign(address: &str) -> f64 {
    let (time, jobs, batch) = (TIME.as_secs().to_string(), JOBS.to_string(), BATCH.to_string());
    let endpoint = format!("http://{address}");
    let options = ["fuzz", "--endpoint", &endpoint, "--seed", "1", "--settle", "0", "--time", &time];
    let output = corsuite(&options).args(["--jobs", &jobs, "--batch", &batch]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // "… requests in 8.0 s (49876 with preparation, …"
    let number = |after: &str, before: &str| -> f64 {
        let rest = text.rsplit_once(before).map_or("", |(rest, _)| rest);
        rest.rsplit_once(after).and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
    };
    let (seconds, requests) = (number(" requests in ", " s ("), number("(", " with preparation"));
    if seconds > 0.0 { requests / seconds } else { 0.0 }
}

fn per_second(count: u64, elapsed: Duration) -> f64 {
    let count = u32::try_from(count).map_or(f64::MAX, f64::from);
    count / elapsed.as_secs_f64()
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let connections = JOBS * BATCH;
    let measured = |measure: &dyn Fn(&str) -> f64| {
        let server = Server::start();
        measure(&server.1)
    };
    // In turns, as a machine is not as fast at all times.
    let rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|_| {
            let bare = measured(&|address| raw(address, connections));
            [bare, measured(&|address| through_hyper(address, connections)), measured(&campaign)]
        })
        .collect();
    let middle = |of: &dyn Fn(&[f64; 3]) -> f64| median(rounds.iter().map(of).collect());
    println!("medians of {ROUNDS} rounds, requests a second:");
    println!("{:>7.0}  raw load generator on sockets, {connections} connections", middle(&|[bare, ..]| *bare));
    println!("{:>7.0}  raw load generator on hyper, {connections} connections", middle(&|[_, hyper, _]| *hyper));
    println!(
        "{:>7.0}  campaign, {JOBS} cases of {BATCH} requests at a time: {:.2} of the first, {:.2} of the second",
        middle(&|[.., ours]| *ours),
        middle(&|[bare, _, ours]| ours / bare),
        middle(&|[_, hyper, ours]| ours / hyper)
    );
}
