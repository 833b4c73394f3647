// SPDX-License-Identifier: GPL-2.0

//! Tests of any stateless H.264 encoder against the specification of the interface,
//! requirement by requirement.
//!
//! A test has the id of the requirement that it shows, and uses nothing but V4L2: what
//! is written into the stream is read by [`crate::h264`].

mod adaptation;
mod capabilities;
mod changes;
mod commit;
mod controls;
mod cropping;
mod drain;
mod encoder;
mod encoding;
mod errors;
mod expect;
mod extensions;
mod headers;
mod initialization;
mod marked_references;
mod named_references;
mod pictures;
mod rate;
mod references;
mod report;
mod requests;
mod sequence_headers;
mod slices;
mod spec;
mod statistics;
mod stream;

use crate::{
    cli::{
        ConformanceArgs,
        DeviceChoice, //
    },
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::device::find_encoder,
};
use encoder::Target;
use expect::Outcome;
use report::{
    within,
    Report, //
};
use spec::Requirement;
use std::{
    io::{
        self,
        Write, //
    },
    time::Duration,
};

/// The id of a requirement, and what shows that it is kept.
type Test = (&'static str, fn(&Target) -> Outcome);

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// All tests, section by section.
const SECTIONS: [&[Test]; 20] = [
    capabilities::TESTS,
    initialization::TESTS,
    cropping::TESTS,
    requests::TESTS,
    encoding::TESTS,
    pictures::TESTS,
    headers::TESTS,
    sequence_headers::TESTS,
    adaptation::TESTS,
    references::TESTS,
    rate::TESTS,
    changes::TESTS,
    drain::TESTS,
    errors::TESTS,
    commit::TESTS,
    controls::TESTS,
    slices::TESTS,
    extensions::TESTS,
    statistics::TESTS,
    named_references::TESTS,
];

/// The test of a requirement.
fn test_of(id: &str) -> Option<&'static Test> {
    SECTIONS
        .iter()
        .copied()
        .chain([marked_references::TESTS])
        .flatten()
        .find(|(tested, _)| *tested == id)
}

/// Whether a filter, an id or what ids begin with, selects a requirement.
fn selects(filter: &str, id: &str) -> bool {
    let filter = filter.trim_end_matches('-');
    id.strip_prefix(filter)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The requirements that the filters select; all without one.
fn selected(filters: &[String]) -> Result<Vec<Requirement>> {
    let all = spec::requirements();
    for filter in filters {
        if !all.iter().any(|r| selects(filter, &r.id)) {
            return Err(Error::new(format!("no requirement is \"{filter}\""))
                .remedy("see them with \"slenc conformance --list\""));
        }
    }
    Ok(all
        .into_iter()
        .filter(|r| filters.is_empty() || filters.iter().any(|f| selects(f, &r.id)))
        .collect())
}

/// Runs or lists the tests: whether no requirement failed.
pub fn run(args: &ConformanceArgs) -> Result<bool> {
    let requirements = selected(&args.filter)?;
    if args.list {
        let listed = list(&requirements, &mut io::stdout().lock());
        // Who reads only the first lines has seen enough.
        return match listed {
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
                Err(err).context("writing the list")
            }
            _ => Ok(true),
        };
    }
    let path = match &args.device {
        DeviceChoice::Path(path) => path.clone(),
        DeviceChoice::Auto => find_encoder()?.path().to_owned(),
    };
    judge(&Target { path }, &requirements).context("writing the report")
}

fn list(requirements: &[Requirement], out: &mut impl Write) -> io::Result<()> {
    for requirement in requirements {
        writeln!(
            out,
            "{:14} {:9}  {}: {}",
            requirement.id,
            requirement.kind().name(),
            requirement.section,
            requirement.title
        )?;
    }
    Ok(())
}

fn judge(target: &Target, requirements: &[Requirement]) -> io::Result<bool> {
    let mut report = Report::new(io::stdout().lock(), requirements.len())?;
    for requirement in requirements {
        let outcome = match test_of(&requirement.id) {
            Some(&(_, test)) => {
                let target = target.clone();
                within(LIMIT, move || test(&target))
            }
            None => expect::fail("there is no test"),
        };
        report.add(requirement, outcome)?;
    }
    report.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Each requirement has one test, and each test one requirement.
    #[test]
    fn the_specification_and_the_tests_agree() {
        let specified: BTreeSet<_> = spec::requirements().into_iter().map(|r| r.id).collect();
        let mut tested = BTreeSet::new();
        for (id, _) in SECTIONS
            .iter()
            .copied()
            .chain([marked_references::TESTS])
            .flatten()
        {
            assert!(tested.insert((*id).to_owned()), "{id} has two tests");
        }
        let untested: Vec<_> = specified.difference(&tested).collect();
        assert!(untested.is_empty(), "without a test: {untested:?}");
        let unknown: Vec<_> = tested.difference(&specified).collect();
        assert!(unknown.is_empty(), "not in the specification: {unknown:?}");
    }

    #[test]
    fn filters_are_ids_or_groups() {
        assert!(selects("ENC-HDR-1", "ENC-HDR-1"));
        assert!(!selects("ENC-HDR-1", "ENC-HDR-12"));
        assert!(selects("ENC-HDR", "ENC-HDR-12"));
        assert!(selects("ENC-HDR-", "ENC-HDR-12"));
        assert!(selects("ENC", "ENC-HDR-12"));
        assert!(!selects("ENC", "ENCX-QP-1"));
        assert!(selected(&["ENC-NONE".to_owned()]).is_err());
        assert_eq!(selected(&["ENC-CAP-1".to_owned()]).unwrap().len(), 1);
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let mut out = Vec::new();
        list(&spec::requirements(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), spec::requirements().len());
        assert!(text.starts_with("ENC-CAP-1      MUST       Querying capabilities: The node"));
    }
}
