//! The program as another process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The program, with no access key and no state folder of the user's.
pub fn corsuite(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corsuite"));
    for name in [
        "OSS_ACCESS_KEY_ID",
        "OSS_ACCESS_KEY_SECRET",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "OSS_SESSION_TOKEN",
        "CORSUITE_OTHER_OSS_ACCESS_KEY_ID",
        "CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET",
        "CORSUITE_OTHER_AWS_ACCESS_KEY_ID",
        "CORSUITE_OTHER_AWS_SECRET_ACCESS_KEY",
    ] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").args(arguments);
    command
}

pub fn with_keys(arguments: &[&str], state: &Path) -> Command {
    let mut command = corsuite(arguments);
    command
        .env("XDG_STATE_HOME", state)
        .env("OSS_ACCESS_KEY_ID", "corsuite-owner")
        .env("OSS_ACCESS_KEY_SECRET", "corsuite-owner-secret")
        .env("AWS_ACCESS_KEY_ID", "corsuite-owner")
        .env("AWS_SECRET_ACCESS_KEY", "corsuite-owner-secret")
        .env("CORSUITE_OTHER_OSS_ACCESS_KEY_ID", "corsuite-other")
        .env("CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET", "corsuite-other-secret")
        .env("CORSUITE_OTHER_AWS_ACCESS_KEY_ID", "corsuite-other")
        .env("CORSUITE_OTHER_AWS_SECRET_ACCESS_KEY", "corsuite-other-secret");
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {}", text(&output.stderr)))
}

pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let mut child = corsuite(&[&["serve"], arguments].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().trim().to_owned();
        Self { child, address }
    }

    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a presigned request and gives the whole answer.
pub fn send(server: &Server, state: &Path, method: &str, target: &str, body: &str) -> String {
    let endpoint = format!("http://{}", server.address);
    let signed =
        with_keys(&["sign", method, &format!("{endpoint}{target}"), "--as", "presigned"], state).output().unwrap();
    let shown = text(&signed.stdout);
    let url = shown.lines().find_map(|line| line.strip_prefix("url = \"")?.strip_suffix('"')).unwrap();
    let target = url.strip_prefix(&endpoint).unwrap();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        server.address,
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
