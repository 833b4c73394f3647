// SPDX-License-Identifier: GPL-2.0

//! A short list without memory of its own.

/// At most `N` values, in order.
///
/// # Invariants
///
/// No value comes after a free place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Few<T, const N: usize> {
    places: [Option<T>; N],
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// Empty.
    pub const fn new() -> Self {
        // INVARIANT: There is no value.
        Self { places: [None; N] }
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.places.iter().copied().flatten()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds a value behind the others, or gives it back when there is no place.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        match self.places.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                // INVARIANT: This is the first free place.
                *place = Some(value);
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Adds a value before the others, or gives it back when there is no place.
    pub fn push_front(&mut self, value: T) -> Result<(), T> {
        match self.places.last() {
            Some(None) => {}
            _ => return Err(value),
        }
        // INVARIANT: The free place comes to the front, and is free no more.
        self.places.rotate_right(1);
        if let Some(first) = self.places.first_mut() {
            *first = Some(value);
        }
        Ok(())
    }

    /// Keeps the values for which this is so.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = Self::new();
        for value in self.iter().filter(|value| keep(value)) {
            // There are no more of them than before.
            let _ = kept.push(value);
        }
        *self = kept;
    }

    /// The values, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        // INVARIANT: No place becomes free.
        self.places.iter_mut().flatten()
    }
}

impl<T: Copy, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_few))]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order() {
        let mut few = Few::<u8, 4>::new();
        assert!(few.is_empty());
        assert!(few.push(2).is_ok() && few.push(3).is_ok());
        assert!(few.push_front(1).is_ok());
        assert!(few.iter().eq([1, 2, 3]));
        few.retain(|value| *value != 2);
        assert!(few.iter().eq([1, 3]));
        assert!(few.push(4).is_ok());
        for value in few.iter_mut() {
            *value *= 2;
        }
        assert!(few.iter().eq([2, 6, 8]));
        assert_eq!(few.len(), 3);
    }

    #[test]
    fn no_more_than_there_are_places() {
        let mut few = Few::<u8, 2>::new();
        assert!(few.push(1).is_ok() && few.push(2).is_ok());
        assert_eq!(few.push(3), Err(3));
        assert_eq!(few.push_front(0), Err(0));
        assert!(few.iter().eq([1, 2]));
        assert_eq!(Few::<u8, 0>::new().push_front(1), Err(1));
    }

    #[test]
    fn what_was_removed_makes_no_difference() {
        let (mut a, mut b) = (Few::<u8, 3>::new(), Few::<u8, 3>::new());
        assert!(a.push(1).is_ok() && a.push(2).is_ok() && b.push(2).is_ok());
        a.retain(|value| *value == 2);
        assert!(a == b);
    }
}
