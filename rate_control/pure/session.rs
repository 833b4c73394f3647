// SPDX-License-Identifier: GPL-2.0

//! A session: what is decided about the pictures of one stream.

use super::{
    cycle::{
        Cookie,
        Cycle, //
    },
    error::Error,
    fixed::Qps,
    frame::FrameType,
    scale::Scale, //
};

/// What a session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    /// Each type of picture has its QP.
    Fixed(Qps),
}

/// How to code a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Names the picture.
    pub cookie: Cookie,
    /// QP of every block.
    pub qp: i32,
}

/// How a picture was coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Size of the access unit in bytes.
    pub bytes: u64,
    /// How much of it are headers, in bits.
    pub header_bits: u64,
}

/// What is to be done with a coded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application gets it.
    Keep,
}

/// A session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    scale: Scale,
    config: Option<Config>,
    cycle: Cycle,
}

impl Session {
    /// Without configuration.
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            config: None,
            cycle: Cycle::new(),
        }
    }

    /// Sets what applies to the pictures that begin from now on.
    pub fn configure(&mut self, config: Config) -> Result<(), Error> {
        match config {
            Config::Fixed(qps) => qps.check(self.scale)?,
        }
        self.config = Some(config);
        Ok(())
    }

    /// Decides how to code a picture, which may bring its own QP.
    pub fn begin(&mut self, frame_type: FrameType, own_qp: Option<i32>) -> Result<Decision, Error> {
        if own_qp.is_some_and(|qp| !self.scale.contains(qp)) {
            return Err(Error::Invalid);
        }
        let qp = match self.config.ok_or(Error::Unconfigured)? {
            Config::Fixed(qps) => qps.of(frame_type, own_qp),
        };
        Ok(Decision {
            cookie: self.cycle.begin()?,
            qp,
        })
    }

    /// Judges a coded picture.
    pub fn end(&mut self, cookie: Cookie, outcome: &Outcome) -> Result<Verdict, Error> {
        self.cycle.may_end(cookie)?;
        let bits = outcome.bytes.checked_mul(8).ok_or(Error::Invalid)?;
        if bits == 0 || outcome.header_bits > bits {
            return Err(Error::Invalid);
        }
        self.cycle.end(cookie)?;
        Ok(Verdict::Keep)
    }

    /// The verdict has been carried out.
    pub fn commit(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.cycle.commit(cookie)
    }

    /// The picture will not be.
    pub fn cancel(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.cycle.cancel(cookie)
    }

    /// A new stream starts, with the same configuration.
    pub fn reset(&mut self) {
        self.cycle.reset();
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_session))]
mod tests {
    use super::*;

    const QPS: Qps = Qps {
        i: 24,
        p: 28,
        min: 0,
        max: 51,
    };
    const CODED: Outcome = Outcome {
        bytes: 1000,
        header_bits: 300,
    };

    fn configured() -> Session {
        let mut session = Session::new(Scale::Qp51);
        assert_eq!(session.configure(Config::Fixed(QPS)), Ok(()));
        session
    }

    #[test]
    fn a_picture_from_begin_to_commit() {
        let mut session = configured();
        let first = Decision { cookie: 1, qp: 24 };
        assert_eq!(session.begin(FrameType::I, None), Ok(first));
        assert_eq!(session.end(1, &CODED), Ok(Verdict::Keep));
        assert_eq!(session.commit(1), Ok(()));
        let second = Decision { cookie: 2, qp: 17 };
        assert_eq!(session.begin(FrameType::P, Some(17)), Ok(second));
    }

    #[test]
    fn nothing_begins_without_a_configuration() {
        let mut session = Session::new(Scale::Qp51);
        assert_eq!(
            session.begin(FrameType::I, Some(20)),
            Err(Error::Unconfigured)
        );
        assert!(session
            .configure(Config::Fixed(Qps { i: 52, ..QPS }))
            .is_err());
        assert_eq!(session.begin(FrameType::I, None), Err(Error::Unconfigured));
    }

    #[test]
    fn a_bad_configuration_changes_nothing() {
        let mut session = configured();
        assert!(session
            .configure(Config::Fixed(Qps { p: -1, ..QPS }))
            .is_err());
        assert!(session.begin(FrameType::P, None).is_ok_and(|d| d.qp == 28));
        // A good one applies to the next picture.
        assert!(session
            .configure(Config::Fixed(Qps { p: 35, ..QPS }))
            .is_ok());
        assert!(session.begin(FrameType::P, None).is_ok_and(|d| d.qp == 35));
    }

    #[test]
    fn a_qp_off_the_scale_takes_no_cookie() {
        let mut session = configured();
        assert_eq!(session.begin(FrameType::P, Some(52)), Err(Error::Invalid));
        assert_eq!(session.begin(FrameType::P, Some(-1)), Err(Error::Invalid));
        assert!(session
            .begin(FrameType::P, None)
            .is_ok_and(|d| d.cookie == 1));
    }

    #[test]
    fn sizes_that_cannot_be_leave_the_picture_open() {
        let mut session = configured();
        assert!(session.begin(FrameType::I, None).is_ok());
        for bad in [
            Outcome { bytes: 0, ..CODED },
            Outcome {
                bytes: u64::MAX,
                ..CODED
            },
            Outcome {
                header_bits: 8001,
                ..CODED
            },
        ] {
            assert_eq!(session.end(1, &bad), Err(Error::Invalid));
        }
        assert_eq!(session.end(1, &CODED), Ok(Verdict::Keep));
    }

    #[test]
    fn a_reset_keeps_the_configuration() {
        let mut session = configured();
        assert!(session.begin(FrameType::I, None).is_ok());
        session.reset();
        assert_eq!(session.end(1, &CODED), Err(Error::Stale));
        let next = Decision { cookie: 2, qp: 24 };
        assert_eq!(session.begin(FrameType::I, None), Ok(next));
        assert_eq!(session.cancel(2), Ok(()));
    }
}
