//! tcpdump on loopback.

use std::fs;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::ChildStderr;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::children::Running;
use crate::truth::pcap;
use crate::truth::pcap::Segment;

/// Enough for the headers and for those of the first TLS records behind them.
const SNAP_BYTES: &str = "256";

/// A buffer in KiB that no pause of tcpdump fills.
const BUFFER: &str = "65536";

/// The kernel hands packets over when a block is full or after a second.
const LAST_BLOCK: Duration = Duration::from_millis(1_500);

/// A capture under way.
pub struct Capture {
    process: Running,
    said: BufReader<ChildStderr>,
    file: PathBuf,
}

/// What was captured.
pub struct Captured {
    /// The segments in the order of their time.
    pub segments: Vec<Segment>,
    /// How many packets were lost for lack of buffer.
    pub dropped: u64,
}

/// Whether this machine lets us capture; otherwise why not.
pub fn works(folder: &Path) -> Result<(), String> {
    let version = Command::new("tcpdump").arg("--version").output();
    version.map_err(|error| format!("tcpdump: {error}"))?;
    Capture::start(folder, &[9]).map(drop)
}

impl Capture {
    /// Starts to capture what goes to and comes from `ports`; returns once it does.
    pub fn start(folder: &Path, ports: &[u16]) -> Result<Self, String> {
        let filter: Vec<String> = ports
            .iter()
            .map(|port| format!("tcp port {port}"))
            .collect();
        let file = folder.join("capture.pcap");
        let output = File::create(&file).unwrap();
        let process = Running::start(
            Command::new("tcpdump")
                .args(["-i", "lo", "-n", "--time-stamp-precision=nano"])
                .args(["-s", SNAP_BYTES, "-B", BUFFER, "-w", "-"])
                .arg(filter.join(" or "))
                .stdin(Stdio::null())
                // It may give up the rights to open files, not what it was given.
                .stdout(output)
                .stderr(Stdio::piped()),
        );
        let mut said = BufReader::new(process.child().stderr.take().unwrap());
        let mut line = String::new();
        let mut all = String::new();
        while !line.contains("listening on") {
            line.clear();
            if said.read_line(&mut line).unwrap() == 0 {
                return Err(all.trim().to_owned());
            }
            all += &line;
        }
        Ok(Self {
            process,
            said,
            file,
        })
    }

    /// Ends it.
    pub fn finish(self) -> Captured {
        thread::sleep(LAST_BLOCK);
        let pid = self.process.id().to_string();
        let killed = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(killed.success(), "tcpdump was gone");
        let mut dropped = None;
        // Ends with the process.
        for line in self.said.lines().map_while(Result::ok) {
            if let Some(count) = line.strip_suffix(" packets dropped by kernel") {
                dropped = count.parse().ok();
            }
        }
        self.process.child().wait().unwrap();
        Captured {
            segments: pcap::read(&fs::read(&self.file).unwrap()),
            dropped: dropped.expect("tcpdump says what it dropped"),
        }
    }
}
