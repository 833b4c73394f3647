// SPDX-License-Identifier: GPL-2.0

//! Media controller ioctls: device, topology, requests.

use super::{
    plain,
    text,
    uapi::*,
    update,
    Plain, //
};
use rustix::{
    io::Errno,
    ioctl::{
        ioctl,
        NoArg, //
    },
};
use std::{
    io,
    os::fd::{
        BorrowedFd,
        FromRawFd,
        OwnedFd, //
    },
};

plain!(
    media_device_info,
    media_v2_topology,
    media_v2_entity,
    media_v2_interface,
    media_v2_pad,
    media_v2_link,
);

// SAFETY: An integer.
unsafe impl Plain for i32 {}

/// What MEDIA_IOC_DEVICE_INFO says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The driver's name.
    pub driver: String,
    /// The device's name.
    pub model: String,
    /// Where it is.
    pub bus_info: String,
    /// The hardware's revision, as the driver counts it; 0 when it does not.
    pub hw_revision: u32,
}

/// MEDIA_IOC_DEVICE_INFO.
pub fn device_info(fd: BorrowedFd<'_>) -> io::Result<DeviceInfo> {
    let mut arg = media_device_info::zeroed();
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<MEDIA_IOC_DEVICE_INFO, _>(fd, &mut arg) }?;
    Ok(DeviceInfo {
        driver: text(&arg.driver),
        model: text(&arg.model),
        bus_info: text(&arg.bus_info),
        hw_revision: arg.hw_revision,
    })
}

/// What a media device consists of, as far as finding an encoder needs it.
#[derive(Clone, Default)]
pub struct Topology {
    /// Processing blocks and nodes.
    pub entities: Vec<media_v2_entity>,
    /// Device nodes.
    pub interfaces: Vec<media_v2_interface>,
    /// Ends of links.
    pub pads: Vec<media_v2_pad>,
    /// Links, also those of interfaces to entities.
    pub links: Vec<media_v2_link>,
}

/// MEDIA_IOC_G_TOPOLOGY.
pub fn topology(fd: BorrowedFd<'_>) -> io::Result<Topology> {
    // It may grow between asking for the sizes and for the content.
    for _ in 0..8 {
        let mut sizes = media_v2_topology::zeroed();
        // SAFETY: The argument's type is the ioctl's; null pointers ask for the
        // sizes only.
        unsafe { update::<MEDIA_IOC_G_TOPOLOGY, _>(fd, &mut sizes) }?;

        let mut found = Topology {
            entities: vec![Plain::zeroed(); sizes.num_entities as usize],
            interfaces: vec![Plain::zeroed(); sizes.num_interfaces as usize],
            pads: vec![Plain::zeroed(); sizes.num_pads as usize],
            links: vec![Plain::zeroed(); sizes.num_links as usize],
        };
        let mut arg = sizes;
        arg.ptr_entities = found.entities.as_mut_ptr() as u64;
        arg.ptr_interfaces = found.interfaces.as_mut_ptr() as u64;
        arg.ptr_pads = found.pads.as_mut_ptr() as u64;
        arg.ptr_links = found.links.as_mut_ptr() as u64;
        // SAFETY: The argument's type is the ioctl's. Each pointer is to a vector
        // of `Plain` elements, as long as its number says, that lives until after
        // the call; the kernel writes no more than that.
        match unsafe { update::<MEDIA_IOC_G_TOPOLOGY, _>(fd, &mut arg) } {
            Err(err) if err.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => continue,
            result => result?,
        }
        found.entities.truncate(arg.num_entities as usize);
        found.interfaces.truncate(arg.num_interfaces as usize);
        found.pads.truncate(arg.num_pads as usize);
        found.links.truncate(arg.num_links as usize);
        return Ok(found);
    }
    Err(io::Error::other("the media topology keeps changing"))
}

/// Major and minor number of an interface's device node.
pub fn devnode(interface: &media_v2_interface) -> (u32, u32) {
    // SAFETY: All members of the union are integers.
    let node = unsafe { interface.__bindgen_anon_1.devnode };
    (node.major, node.minor)
}

/// MEDIA_IOC_REQUEST_ALLOC.
pub fn request_alloc(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut arg: i32 = -1;
    // SAFETY: The ioctl takes a pointer to an int.
    unsafe { update::<MEDIA_IOC_REQUEST_ALLOC, _>(fd, &mut arg) }?;
    if arg < 0 {
        return Err(io::Error::other("the kernel gave no request"));
    }
    // SAFETY: The kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(arg) })
}

/// MEDIA_REQUEST_IOC_QUEUE.
pub fn request_queue(request: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: The ioctl takes no argument.
    Ok(unsafe { ioctl(request, NoArg::<MEDIA_REQUEST_IOC_QUEUE>::new()) }?)
}

/// MEDIA_REQUEST_IOC_REINIT.
pub fn request_reinit(request: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: The ioctl takes no argument.
    Ok(unsafe { ioctl(request, NoArg::<MEDIA_REQUEST_IOC_REINIT>::new()) }?)
}
