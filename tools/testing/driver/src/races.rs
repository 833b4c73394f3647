// SPDX-License-Identifier: GPL-2.0

//! Calls at the same time, on a file that threads share and on files of their own,
//! with hardware that is late, loses interrupts or hangs: the driver stays usable, and
//! can be unbound in the midst of it.
//!
//! What a race does to memory and locks is the kernel's to tell: a debug kernel knows.

mod actors;

use crate::{
    encoder::{
        encodes,
        Encoder,
        BUFFERS, //
    },
    expect::ensure,
    ktap::{
        within,
        Ktap, //
    },
    rig::{
        bind,
        module_users,
        unbind,
        wait_users,
        watchdog,
        Fault,
        STEP, //
    },
};
use actors::{
    Chance,
    ACTORS, //
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        request::Request,
        sys::drain,
        uapi::V4L2_EVENT_EOS, //
    },
};
use std::{
    io,
    os::fd::AsFd,
    sync::{
        atomic::{
            AtomicBool,
            AtomicU32,
            Ordering, //
        },
        Arc,
        Mutex,
        PoisonError, //
    },
    thread,
    time::{
        Duration,
        Instant, //
    },
};

const LIMIT: Duration = Duration::from_secs(600);
/// How long threads do what they like, and longer until pictures came to an end.
const ROUND: Duration = Duration::from_secs(4);
/// How long until the driver is unbound, and longer until pictures came to an end.
const UNTIL_UNBOUND: Duration = Duration::from_millis(700);
/// How many pictures that is: on the debug kernel one can take a second.
const PICTURES: u32 = 3;
/// How long the first pictures may take.
const BEGINS: Duration = Duration::from_secs(60);
/// How long threads may take to see that it is over.
const ENDS: Duration = Duration::from_secs(40);

pub(crate) fn run(ktap: &mut Ktap) {
    for fault in Trouble::ALL {
        ktap.test(
            format!("threads on one encoder, {}", fault.name()),
            LIMIT,
            move || round(fault, false),
        );
    }
    for fault in Trouble::ALL {
        ktap.test(
            format!("unbinding under threads, {}", fault.name()),
            LIMIT,
            move || {
                for _ in 0..3 {
                    round(fault, true)?;
                }
                Ok(())
            },
        );
    }
}

/// What the hardware does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Jobs take nearly as long as the watchdog waits.
    Slow,
    /// The interrupt and the watchdog come at the same time.
    LateIrq,
    LostIrq,
    Hang,
}

impl Trouble {
    const ALL: [Self; 5] = [
        Self::None,
        Self::Slow,
        Self::LateIrq,
        Self::LostIrq,
        Self::Hang,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::None => "with good hardware",
            Self::Slow => "while jobs last as long as the watchdog waits",
            Self::LateIrq => "while interrupts come with the watchdog",
            Self::LostIrq => "while interrupts are lost",
            Self::Hang => "while all jobs hang",
        }
    }

    fn arm(self) -> Result<Option<Fault>> {
        let ms = watchdog()?.as_millis();
        let fault = match self {
            Self::None => return Ok(None),
            Self::Slow => format!("slow={}", ms - ms / 20),
            Self::LateIrq => format!("late-irq={ms}"),
            Self::LostIrq => "lost-irq".to_owned(),
            Self::Hang => "hang".to_owned(),
        };
        Fault::new(&fault).map(Some)
    }
}

/// What the threads of a round share.
struct Stage {
    /// The file that they share, which streams.
    encoder: Encoder,
    /// A request for each of its OUTPUT buffers.
    requests: Vec<Request>,
    /// The driver is unbound while they run.
    unbinds: bool,
    over: AtomicBool,
    coded: AtomicU32,
    failed: AtomicU32,
    unexpected: Mutex<Vec<String>>,
}

impl Stage {
    fn new(unbinds: bool) -> Result<Self> {
        let encoder = Encoder::streaming()?;
        drain::subscribe(encoder.video.as_fd(), V4L2_EVENT_EOS).context("SUBSCRIBE_EVENT")?;
        Ok(Self {
            requests: (0..BUFFERS)
                .map(|_| encoder.request())
                .collect::<Result<_>>()?,
            encoder,
            unbinds,
            over: AtomicBool::new(false),
            coded: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            unexpected: Mutex::new(Vec::new()),
        })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn count(&self, is_error: bool) {
        let counter = if is_error { &self.failed } else { &self.coded };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How many pictures came to an end, good or not.
    fn ended(&self) -> u32 {
        self.coded.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    fn complain(&self, what: String) {
        self.unexpected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    /// The result of a call, unless another thread was in its way.
    fn allow<T>(&self, what: &str, result: io::Result<T>) -> Option<T> {
        use rustix::io::Errno;
        let gone = [Errno::NODEV, Errno::IO];
        let others = [
            Errno::INVAL,
            Errno::BUSY,
            Errno::AGAIN,
            Errno::NOENT,
            Errno::PIPE,
        ];
        match result {
            Ok(value) => Some(value),
            Err(err) => {
                let is = |errno: &Errno| err.raw_os_error() == Some(errno.raw_os_error());
                let allowed = others.iter().any(is) || (self.unbinds && gone.iter().any(is));
                if !allowed {
                    self.complain(format!("{what}: {err}"));
                }
                None
            }
        }
    }

    /// Nothing waits in the shared file when it is stopped, and it codes again.
    fn settles(&self) -> Result<()> {
        self.encoder.stop()?;
        for (number, request) in self.requests.iter().enumerate() {
            request
                .reinit()
                .context(format!("REINIT of request {number} after STREAMOFF"))?;
        }
        // The short watchdog may strike on a busy machine.
        for attempt in 1.. {
            self.encoder.start()?;
            let result = self.codes();
            self.encoder.stop()?;
            if result.is_ok() || attempt == ATTEMPTS {
                return result;
            }
        }
        Ok(())
    }

    fn codes(&self) -> Result<()> {
        let request = self.encoder.request()?;
        self.encoder.encode(&request, &crate::encoder::idr())?;
        request.reinit().context("REINIT")?;
        self.encoder
            .encode(&request, &crate::encoder::predicted())?;
        Ok(())
    }
}

const ATTEMPTS: u32 = 3;

/// Another file codes.
fn others_encode() -> Result<()> {
    let mut result = encodes();
    for _ in 1..ATTEMPTS {
        if result.is_err() {
            result = encodes();
        }
    }
    result
}

fn round(trouble: Trouble, unbinds: bool) -> Result<()> {
    bind()?;
    let before = module_users()?;
    let stage = Arc::new(Stage::new(unbinds)?);
    let fault = trouble.arm()?;
    let threads: Vec<_> = (1..)
        .zip(ACTORS)
        .map(|(seed, &actor)| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                let mut chance = Chance::new(seed);
                while !stage.is_over() {
                    actor(&stage, &mut chance);
                }
            })
        })
        .collect();
    thread::sleep(if unbinds { UNTIL_UNBOUND } else { ROUND });
    let begun = Instant::now();
    while stage.ended() < PICTURES && begun.elapsed() < BEGINS {
        thread::sleep(Duration::from_millis(50));
    }
    let unbound = if unbinds { unbind() } else { Ok(()) };
    stage.over.store(true, Ordering::Relaxed);
    let ended = within("the threads", ENDS, || {
        threads.into_iter().all(|thread| thread.join().is_ok())
    })?;
    ensure!(ended, "a thread panicked");
    unbound?;
    drop(fault);
    println!(
        "# {} pictures were coded, {} failed",
        stage.coded.load(Ordering::Relaxed),
        stage.failed.load(Ordering::Relaxed)
    );
    // Else it was no race.
    ensure!(stage.ended() >= PICTURES, "the threads hardly coded");
    let stage = Arc::into_inner(stage).ok_or_else(|| Error::new("a thread is left"))?;
    let complaints = stage
        .unexpected
        .lock()
        .map(|list| list.join("\n"))
        .unwrap_or_default();
    ensure!(complaints.is_empty(), "{complaints}");
    if !unbinds {
        stage.settles()?;
    }
    within("closing", STEP, move || drop(stage))?;
    wait_users(before)?;
    bind()?;
    others_encode()
}
