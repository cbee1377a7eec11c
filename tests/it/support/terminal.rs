//! A terminal of a test's own, for programs that look whether they have one.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Child, Command};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The side of a terminal that sees what programs write.
pub struct Terminal(File);

impl Terminal {
    /// Starts a program whose standard output is a terminal of so many columns.
    pub fn start(mut command: Command, columns: u16) -> (Self, Child) {
        let seen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&seen).unwrap();
        unlockpt(&seen).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&seen, size).unwrap();
        let name = ptsname(&seen, Vec::new()).unwrap();
        let written = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        // The command goes with the end of this function, and with it the last side but the child's.
        let child = command.stdout(written).spawn().unwrap();
        (Self(File::from(seen)), child)
    }

    /// Everything that is written until the program is gone, with the ends of lines as it wrote them.
    pub fn read_to_the_end(mut self) -> String {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        // Linux tells the end as an error.
        while let Ok(n @ 1..) = self.0.read(&mut piece) {
            bytes.extend_from_slice(&piece[..n]);
        }
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }
}
