// SPDX-License-Identifier: GPL-2.0

//! What a test needs of the guest: the driver's binding, and the hardware's
//! control socket on the host.

use crate::ktap::within;
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::media::nodes, //
};
use std::{
    env,
    fs::{
        self,
        OpenOptions, //
    },
    io::{
        BufRead,
        BufReader,
        Write, //
    },
    path::{
        Path,
        PathBuf, //
    },
    thread,
    time::{
        Duration,
        Instant, //
    },
};

/// How long anything may take that does not wait on purpose.
pub(crate) const STEP: Duration = Duration::from_secs(10);

const DRIVER: &str = "/sys/bus/pci/drivers/slenc";
const MODULE: &str = "/sys/module/slenc";
/// Of the encoder, as sysfs writes them.
const VENDOR_AND_DEVICE: (&str, &str) = ("0x1af4", "0x10f0");

/// The PCI address of the encoder.
fn address() -> Result<String> {
    let is = |path: PathBuf, value| fs::read_to_string(path).is_ok_and(|s| s.trim() == value);
    fs::read_dir("/sys/bus/pci/devices")
        .context("looking for the encoder")?
        .flatten()
        .find(|device| {
            is(device.path().join("vendor"), VENDOR_AND_DEVICE.0)
                && is(device.path().join("device"), VENDOR_AND_DEVICE.1)
        })
        .map(|device| device.file_name().to_string_lossy().into_owned())
        .ok_or_else(|| Error::new("no encoder on the PCI bus"))
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + STEP;
    while !is_so() {
        if Instant::now() > end {
            return Err(Error::new(format!(
                "{what}: not within {} s",
                STEP.as_secs()
            )));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether the driver is bound.
fn is_bound() -> Result<bool> {
    Ok(Path::new(DRIVER).join(address()?).exists())
}

/// Binds the driver, unless it is, and waits for its nodes.
pub(crate) fn bind() -> Result<()> {
    if !is_bound()? {
        let address = address()?;
        within("binding", STEP, move || {
            fs::write(Path::new(DRIVER).join("bind"), address)
        })?
        .context("binding")?;
    }
    wait_until("nodes after binding", || {
        !nodes("video").is_empty() && !nodes("media").is_empty()
    })
}

/// Unbinds the driver.
pub(crate) fn unbind() -> Result<()> {
    let address = address()?;
    within("unbinding", STEP, move || {
        fs::write(Path::new(DRIVER).join("unbind"), address)
    })?
    .context("unbinding")
}

/// How many files and requests hold the driver's module.
pub(crate) fn module_users() -> Result<u32> {
    fs::read_to_string(format!("{MODULE}/refcnt"))
        .context("reading the module's count of users")?
        .trim()
        .parse()
        .context("reading the module's count of users")
}

/// Waits until the driver's module has no more users than it had.
pub(crate) fn wait_users(before: u32) -> Result<()> {
    let users = || module_users().unwrap_or(u32::MAX);
    wait_until("all references on the module are given back", || {
        users() <= before
    })
    .map_err(|err| {
        let left = users().saturating_sub(before);
        Error::new(format!("{err}; {left} are left"))
    })
}

/// The driver's parameter `watchdog_ms`, which sysfs does not show: who loaded the
/// driver says it in the environment.
pub(crate) fn watchdog() -> Result<Duration> {
    env::var("WATCHDOG_MS")
        .context("WATCHDOG_MS in the environment")?
        .parse()
        .map(Duration::from_millis)
        .context("WATCHDOG_MS in the environment")
}

/// Sends a command to the hardware and returns its answer.
pub(crate) fn control(command: &str) -> Result<String> {
    let line = format!("{command}\n");
    within("the hardware's control socket", STEP, move || {
        let mut port = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/run/ports/control.0")?;
        port.write_all(line.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(port).read_line(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    })?
    .context("the hardware's control socket")
}

/// A fault of the hardware, until it is dropped.
#[derive(Debug)]
pub(crate) struct Fault(());

impl Fault {
    /// Arms a fault.
    pub(crate) fn new(fault: &str) -> Result<Self> {
        control(&format!("fault {fault}"))?;
        Ok(Self(()))
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        // A test that fails for this reason says so when it arms the next fault.
        let _ = control("clear");
    }
}
