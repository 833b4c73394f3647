// SPDX-License-Identifier: GPL-2.0

//! SIGINT and SIGTERM: the first asks to stop, the second ends the process.

use crate::error::{
    Context,
    Result, //
};
use signal_hook::{
    consts::{
        SIGINT,
        SIGTERM, //
    },
    flag,
};
use std::sync::{
    atomic::{
        AtomicBool,
        Ordering, //
    },
    Arc,
};

/// Whether the user wants to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over the signals.
    pub fn install() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, sets it, and
            // thereby makes the second one deadly.
            flag::register_conditional_default(signal, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .context("handling signals")?;
        }
        Ok(Self(asked))
    }

    /// Whether a signal came.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
