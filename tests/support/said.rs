//! What a command answered: its exit code, and what it printed.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::process::Output;

#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn done(self) -> String {
        self.with_code(0)
    }

    /// What it printed before it ended with this code, without a complaint.
    #[track_caller]
    pub fn with_code(self, code: i32) -> String {
        assert_eq!((self.code, self.err.as_str()), (code, ""), "{self:?}");
        self.out
    }

    /// All that it said before it ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        self.out + &self.err
    }

    /// What it complained about: never a panic, a backtrace or a debug form.
    #[track_caller]
    pub fn complaint(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        for noise in ["panicked", "Error {", "Some(", "Os {"] {
            assert!(!self.err.contains(noise), "{self:?}");
        }
        self.err
    }
}
