// SPDX-License-Identifier: GPL-2.0

//! Results in KTAP, of tests that cannot hang the program.

use super::{
    expect::{
        Finding,
        Outcome, //
    },
    spec::{
        Kind,
        Requirement, //
    },
};
use std::{
    io::{
        self,
        Write, //
    },
    sync::mpsc::{
        channel,
        RecvTimeoutError, //
    },
    thread,
    time::Duration,
};

/// Numbers of results.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    /// Requirements that are kept.
    pub(super) passed: u32,
    /// Requirements that are not.
    pub(super) failed: u32,
    /// Requirements of what the driver does not have.
    pub(super) unsupported: u32,
}

/// Writes results.
pub(super) struct Report<W> {
    out: W,
    count: u32,
    musts: Totals,
    extensions: Totals,
}

impl<W: Write> Report<W> {
    /// Begins a report of so many tests.
    pub(super) fn new(mut out: W, tests: usize) -> io::Result<Self> {
        writeln!(out, "KTAP version 1\n1..{tests}")?;
        Ok(Self {
            out,
            count: 0,
            musts: Totals::default(),
            extensions: Totals::default(),
        })
    }

    /// Adds the outcome of a requirement's test.
    pub(super) fn add(&mut self, requirement: &Requirement, outcome: Outcome) -> io::Result<()> {
        self.count += 1;
        let Requirement { id, title, .. } = requirement;
        let name = format!("{} {id} {title}", self.count);
        let totals = match requirement.kind() {
            Kind::Must => &mut self.musts,
            Kind::Extension => &mut self.extensions,
        };
        match outcome {
            Ok(()) => {
                totals.passed += 1;
                writeln!(self.out, "ok {name}")?;
            }
            Err(Finding::Unsupported(what)) => {
                totals.unsupported += 1;
                writeln!(self.out, "ok {name} # SKIP unsupported: {what}")?;
            }
            Err(Finding::Failed(err)) => {
                totals.failed += 1;
                for line in err.to_string().lines() {
                    writeln!(self.out, "# {line}")?;
                }
                writeln!(
                    self.out,
                    "# {}, \"{}\":",
                    requirement.document, requirement.section
                )?;
                for line in requirement.text.lines() {
                    writeln!(self.out, "#   {line}")?;
                }
                writeln!(self.out, "not ok {name}")?;
            }
        }
        self.out.flush()
    }

    /// Ends the report: whether no requirement failed, and there was one.
    pub(super) fn finish(mut self) -> io::Result<bool> {
        for (name, totals) in [("MUST", self.musts), ("extensions", self.extensions)] {
            writeln!(
                self.out,
                "# {name}: {} passed, {} failed, {} unsupported",
                totals.passed, totals.failed, totals.unsupported
            )?;
        }
        self.out.flush()?;
        Ok(self.count > 0 && self.musts.failed + self.extensions.failed == 0)
    }
}

/// Runs `body` in a thread of its own, with a deadline.
///
/// A thread that misses it stays behind: it may wait in the kernel for ever, and what
/// it holds stays open until the program ends.
pub(super) fn within(limit: Duration, body: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        // Nobody waits any more after the deadline.
        let _ = sender.send(body());
    });
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => super::expect::fail(format!(
            "the test does not end within {} s",
            limit.as_secs()
        )),
        Err(RecvTimeoutError::Disconnected) => super::expect::fail("the test panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::expect::{
        fail,
        unsupported, //
    };

    fn requirement(id: &str) -> Requirement {
        Requirement {
            id: id.to_owned(),
            title: "Title".to_owned(),
            section: "Section".to_owned(),
            document: "x.rst",
            text: "It MUST.".to_owned(),
        }
    }

    #[test]
    fn a_report_counts_kinds_apart() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, 4).unwrap();
        report.add(&requirement("ENC-A-1"), Ok(())).unwrap();
        report.add(&requirement("ENC-A-2"), fail("broken")).unwrap();
        report
            .add(&requirement("ENC-A-3"), unsupported("no B"))
            .unwrap();
        report.add(&requirement("ENCX-A-1"), Ok(())).unwrap();
        assert!(!report.finish().unwrap());
        let wanted = "KTAP version 1\n1..4\nok 1 ENC-A-1 Title\n# broken\n\
            # x.rst, \"Section\":\n#   It MUST.\nnot ok 2 ENC-A-2 Title\n\
            ok 3 ENC-A-3 Title # SKIP unsupported: no B\nok 4 ENCX-A-1 Title\n\
            # MUST: 1 passed, 1 failed, 1 unsupported\n\
            # extensions: 1 passed, 0 failed, 0 unsupported\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
        assert!(!Report::new(Vec::new(), 0).unwrap().finish().unwrap());
    }

    #[test]
    fn tests_end_in_time_and_panics_are_failures() {
        let short = Duration::from_millis(10);
        let hangs = within(short, || {
            thread::sleep(Duration::from_millis(500));
            Ok(())
        });
        assert!(matches!(hangs, Err(Finding::Failed(_))));
        let limit = Duration::from_secs(5);
        assert!(within(limit, || Ok(())).is_ok());
        let panics = within(limit, || panic!("on purpose"));
        assert!(matches!(panics, Err(Finding::Failed(_))));
    }
}
