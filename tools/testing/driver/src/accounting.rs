// SPDX-License-Identifier: GPL-2.0

//! What a cgroup is charged for: the memory that its tasks make the driver allocate,
//! until its last user is gone.

use crate::{
    encoder::{
        encodes,
        Encoder,
        BUFFERS,
        SIZE, //
    },
    expect::{
        equal,
        refused, //
    },
    ktap::Ktap,
    rig::{
        bind,
        unbind,
        wait_until, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        sys::{
            buffers,
            mapping::Mapping,
            video, //
        },
        uapi::*,
    },
};
use std::{
    fs,
    os::fd::AsFd,
    process,
    time::Duration, //
};

const LIMIT: Duration = Duration::from_secs(60);
const ROOT: &str = "/sys/fs/cgroup";
const GROUP: &str = "/sys/fs/cgroup/slenc-test";
/// Regions of V4L2 devices have this prefix, and the device's name.
const REGION: &str = "v4l2/";

pub(crate) fn run(ktap: &mut Ktap) {
    ktap.test("the driver has a region of device memory", LIMIT, || {
        bind()?;
        enter()?;
        region().map(|_| ())
    });
    ktap.test("buffers and reconstructions are charged", LIMIT, charged);
    ktap.test("REQBUFS fails with ENOMEM at the limit", LIMIT, || {
        limited(buffers_at_the_limit)
    });
    ktap.test("STREAMON fails with ENOMEM at the limit", LIMIT, || {
        limited(streaming_at_the_limit)
    });
    ktap.test("a dma-buf is charged until it goes", LIMIT, dma_buf);
    ktap.test("a mapping is charged until it goes", LIMIT, mapping);
    ktap.test("imported memory is not charged", LIMIT, imported);
    ktap.test("unbinding gives back what is charged", LIMIT, unbound);
    ktap.test("the group can be left and removed", LIMIT, leave);
}

/// Moves this process into a group of its own.
fn enter() -> Result<()> {
    fs::write(format!("{ROOT}/cgroup.subtree_control"), "+dmem")
        .context("the kernel accounts no device memory: cgroup.subtree_control")?;
    fs::create_dir_all(GROUP).context(GROUP)?;
    fs::write(format!("{GROUP}/cgroup.procs"), process::id().to_string()).context("cgroup.procs")
}

fn leave() -> Result<()> {
    fs::write(format!("{ROOT}/cgroup.procs"), process::id().to_string()).context("cgroup.procs")?;
    fs::remove_dir(GROUP).context(GROUP)
}

/// The name of the region.
fn region() -> Result<String> {
    let capacity = fs::read_to_string(format!("{ROOT}/dmem.capacity")).context("dmem.capacity")?;
    capacity
        .split_whitespace()
        .find(|word| word.starts_with(REGION))
        .map(str::to_owned)
        .ok_or_else(|| Error::new("no region of a V4L2 device in dmem.capacity"))
}

/// Bytes that the group is charged for, of all V4L2 devices.
fn current() -> Result<u64> {
    let current = fs::read_to_string(format!("{GROUP}/dmem.current")).context("dmem.current")?;
    let mut bytes = 0;
    for line in current.lines().filter(|line| line.starts_with(REGION)) {
        let number = line.split_whitespace().nth(1).map(str::parse::<u64>);
        bytes += number
            .and_then(std::result::Result::ok)
            .ok_or_else(|| Error::new(format!("dmem.current says {line:?}")))?;
    }
    Ok(bytes)
}

/// Sets the limit: bytes, or "max".
fn set_limit(limit: &str) -> Result<()> {
    fs::write(
        format!("{GROUP}/dmem.max"),
        format!("{} {limit}\n", region()?),
    )
    .context("dmem.max")
}

/// Runs a test that sets a limit, which does not stay.
fn limited(body: fn() -> Result<()>) -> Result<()> {
    let result = body();
    set_limit("max")?;
    result?;
    encodes()?;
    nothing_left()
}

/// All that was charged is given back, the files being closed.
fn nothing_left() -> Result<()> {
    // A dma-buf goes when its file does, which may be a moment after close.
    wait_until("all that was charged is given back", || {
        current().is_ok_and(|bytes| bytes == 0)
    })
}

/// Bytes of the buffers of both queues.
fn buffer_bytes(encoder: &Encoder) -> Result<u64> {
    let mut bytes = 0;
    for queue in [OUTPUT, CAPTURE] {
        for index in 0..BUFFERS {
            let planes = video::query_buffer(encoder.video.as_fd(), queue, index);
            for plane in &planes.context("QUERYBUF")?[..1] {
                bytes += u64::from(plane.length.next_multiple_of(4096));
            }
        }
    }
    Ok(bytes)
}

fn allocated() -> Result<Encoder> {
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    encoder.allocate(BUFFERS)?;
    encoder.set_parameter_sets(SIZE)?;
    Ok(encoder)
}

fn charged() -> Result<()> {
    equal("before", current()?, 0)?;
    let encoder = allocated()?;
    let bytes = buffer_bytes(&encoder)?;
    equal("with buffers", current()?, bytes)?;
    encoder.start()?;
    // The picture that is coded, and the one that it refers to: whole macroblocks and pages.
    let mbs = SIZE.0.div_ceil(16) * SIZE.1.div_ceil(16);
    let picture = u64::from(mbs * 384).next_multiple_of(4096);
    equal("for reconstructions", current()? - bytes, 2 * picture)?;
    encoder.stop()?;
    equal("after STREAMOFF", current()?, bytes)?;
    drop(encoder);
    nothing_left()
}

fn buffers_at_the_limit() -> Result<()> {
    set_limit("8192")?;
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let given = video::request_buffers(fd, queue, BUFFERS);
        refused("REQBUFS", Errno::NOMEM, given)?;
        equal("after REQBUFS", current()?, 0)?;
    }
    set_limit("max")?;
    encoder.allocate(BUFFERS)
}

fn streaming_at_the_limit() -> Result<()> {
    let encoder = allocated()?;
    let bytes = current()?;
    set_limit(&bytes.to_string())?;
    let fd = encoder.video.as_fd();
    refused("STREAMON", Errno::NOMEM, video::stream_on(fd, CAPTURE))?;
    equal("after STREAMON", current()?, bytes)?;
    set_limit("max")?;
    encoder.start()
}

fn dma_buf() -> Result<()> {
    let encoder = allocated()?;
    let fd = encoder.video.as_fd();
    let bytes = video::query_buffer(fd, OUTPUT, 0).context("QUERYBUF")?[0].length;
    let bytes = u64::from(bytes.next_multiple_of(4096));
    let first = buffers::export(fd, OUTPUT, 0, 0).context("EXPBUF")?;
    let second = buffers::export(fd, OUTPUT, 0, 0).context("EXPBUF")?;
    drop(encoder);
    wait_until("the other buffers are given back", || {
        current().is_ok_and(|now| now == bytes)
    })?;
    drop(first);
    let mapping = Mapping::new(second.as_fd(), 0, usize::try_from(bytes).unwrap_or(0))
        .context("mapping a dma-buf")?;
    drop(second);
    equal("with a mapping of the dma-buf", current()?, bytes)?;
    drop(mapping);
    nothing_left()
}

fn mapping() -> Result<()> {
    let encoder = allocated()?;
    let mut mapping = encoder.map(OUTPUT, 1)?;
    let bytes = (mapping.len() as u64).next_multiple_of(4096);
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        video::request_buffers(fd, queue, 0).context("REQBUFS 0")?;
    }
    equal("with a mapping", current()?, bytes)?;
    drop(encoder);
    mapping.write(0, &[1; 16]);
    equal("with the file closed", current()?, bytes)?;
    drop(mapping);
    nothing_left()
}

fn imported() -> Result<()> {
    let owner = allocated()?;
    let exported = buffers::export(owner.video.as_fd(), OUTPUT, 0, 0).context("EXPBUF")?;
    let before = current()?;
    let encoder = Encoder::open()?;
    encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
    let fd = encoder.video.as_fd();
    buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, 1).context("REQBUFS DMABUF")?;
    let size = video::get_format(fd, OUTPUT).context("G_FMT")?.planes()[0].size_image;
    let import = buffers::Import {
        dma_buf: exported.as_fd(),
        length: size,
        bytes_used: size,
        data_offset: 0,
    };
    buffers::queue_imported(fd, OUTPUT, 0, &[import], 7, None).context("QBUF DMABUF")?;
    equal("after the import", current()?, before)?;
    drop((owner, exported, encoder));
    nothing_left()
}

fn unbound() -> Result<()> {
    let encoder = allocated()?;
    encoder.start()?;
    unbind()?;
    equal("with the file open", current()?, 0)?;
    drop(encoder);
    bind()?;
    encodes()
}
