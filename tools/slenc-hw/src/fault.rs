// SPDX-License-Identifier: GPL-2.0

//! Faults that the hardware can be told to have, so that tests see what a driver does.

use std::str::FromStr;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The job never ends.
    Hang,
    /// The job takes so many milliseconds more.
    Slow(u64),
    /// The interrupt comes so many milliseconds after the result.
    LateIrq(u64),
    /// The interrupt does not come.
    LostIrq,
    /// One interrupt before the job ends and one after its own.
    SpuriousIrq,
    /// The result claims more bytes than the output holds.
    WrongLength,
    /// The result has a status that does not exist.
    StatusGarbage,
    /// The result has the tag of another job.
    WrongTag,
    /// The job ends with DMA_FAULT.
    BusError,
    /// Registers read all ones and doorbells are ignored: the device is gone.
    AllOnes,
    /// The device resets itself.
    Reset,
}

impl Kind {
    /// Whether it befalls the device rather than a job, and so needs no job to begin.
    fn is_of_device(self) -> bool {
        matches!(self, Self::AllOnes | Self::Reset)
    }
}

/// A fault and the jobs it befalls, counted from 1 at the time it is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    /// `None` means all jobs, or at once when the fault is the device's.
    jobs: Option<(u64, u64)>,
}

/// Syntax of a fault, for messages.
pub const SYNTAX: &str = "hang, slow=MS, late-irq=MS, lost-irq, spurious-irq, wrong-length, \
     status-garbage, wrong-tag, bus-error, all-ones or reset, then @N for the Nth job only or @N+ \
     from the Nth job on";

impl FromStr for Fault {
    type Err = String;

    fn from_str(spec: &str) -> Result<Self, String> {
        let error = || format!("\"{spec}\" is no fault; known are {SYNTAX}");
        let (what, when) = match spec.split_once('@') {
            Some((what, when)) => (what, Some(when)),
            None => (spec, None),
        };
        let (name, value) = match what.split_once('=') {
            Some((name, value)) => (name, Some(value.parse::<u64>().map_err(|_| error())?)),
            None => (what, None),
        };
        let kind = match (name, value) {
            ("hang", None) => Kind::Hang,
            ("slow", Some(ms)) => Kind::Slow(ms),
            ("late-irq", Some(ms)) => Kind::LateIrq(ms),
            ("lost-irq", None) => Kind::LostIrq,
            ("spurious-irq", None) => Kind::SpuriousIrq,
            ("wrong-length", None) => Kind::WrongLength,
            ("status-garbage", None) => Kind::StatusGarbage,
            ("wrong-tag", None) => Kind::WrongTag,
            ("bus-error", None) => Kind::BusError,
            ("all-ones", None) => Kind::AllOnes,
            ("reset", None) => Kind::Reset,
            _ => return Err(error()),
        };
        let jobs = when
            .map(|when| {
                let (first, open) = match when.strip_suffix('+') {
                    Some(first) => (first, true),
                    None => (when, false),
                };
                let first: u64 = first.parse().map_err(|_| error())?;
                if first == 0 {
                    return Err(error());
                }
                Ok((first, if open { u64::MAX } else { first }))
            })
            .transpose()?;
        Ok(Self { kind, jobs })
    }
}

/// The armed faults.
#[derive(Debug, Default)]
pub struct FaultPlan {
    /// Each with the number of jobs started before it was armed.
    armed: Vec<(Fault, u64)>,
}

impl FaultPlan {
    /// Arms a fault after `jobs` jobs. Returns its kind when it happens at once instead.
    #[must_use]
    pub fn arm(&mut self, fault: Fault, jobs: u64) -> Option<Kind> {
        if fault.jobs.is_none() && fault.kind.is_of_device() {
            return Some(fault.kind);
        }
        self.armed.push((fault, jobs));
        None
    }

    /// Disarms all faults.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// The faults of job number `job`, counted from 1.
    pub fn of_job(&self, job: u64) -> Vec<Kind> {
        self.armed
            .iter()
            .filter(|(fault, before)| {
                let (first, last) = fault.jobs.unwrap_or((1, u64::MAX));
                (first..=last).contains(&job.saturating_sub(*before))
            })
            .map(|(fault, _)| fault.kind)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax() {
        let parse = |s: &str| s.parse::<Fault>();
        let fault = |kind, jobs| Ok(Fault { kind, jobs });
        assert_eq!(parse("hang@3"), fault(Kind::Hang, Some((3, 3))));
        assert_eq!(
            parse("late-irq=20@2+"),
            fault(Kind::LateIrq(20), Some((2, u64::MAX)))
        );
        assert_eq!(parse("lost-irq"), fault(Kind::LostIrq, None));
        for bad in [
            "", "hang=1", "slow", "slow=", "slow=x", "hang@", "hang@0", "hang@x", "hang@-1",
            "hang@1++", "nonsense", "HANG",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let (names, _) = SYNTAX.split_once(", then").unwrap();
        for name in names.replace(" or ", ", ").replace("MS", "5").split(", ") {
            assert!(parse(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn jobs_count_from_arming() {
        let mut plan = FaultPlan::default();
        assert_eq!(plan.arm("hang@2".parse().unwrap(), 10), None);
        assert_eq!(plan.arm("lost-irq@3+".parse().unwrap(), 10), None);
        assert_eq!(plan.arm("wrong-tag".parse().unwrap(), 10), None);
        assert_eq!(plan.of_job(10), []);
        assert_eq!(plan.of_job(11), [Kind::WrongTag]);
        assert_eq!(plan.of_job(12), [Kind::Hang, Kind::WrongTag]);
        assert_eq!(plan.of_job(13), [Kind::LostIrq, Kind::WrongTag]);
        plan.clear();
        assert_eq!(plan.of_job(13), []);
    }

    #[test]
    fn faults_of_the_device_need_no_job() {
        let mut plan = FaultPlan::default();
        let at_once = plan.arm("all-ones".parse().unwrap(), 0);
        assert_eq!(at_once, Some(Kind::AllOnes));
        assert_eq!(plan.arm("reset@1".parse().unwrap(), 0), None);
        assert_eq!(plan.of_job(1), [Kind::Reset]);
    }
}
