//! Items in groups, side by side in one list.

/// Items sorted by a key from 0 to a count, in linear time; the order within a group is that of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups {
    starts: Vec<usize>,
    items: Vec<usize>,
}

impl Groups {
    /// Groups items by `key_of[item]`, which is below `count`.
    pub(super) fn new(key_of: &[usize], count: usize, items: impl Iterator<Item = usize> + Clone) -> Self {
        let mut starts = vec![0; count + 1];
        for item in items.clone() {
            starts[key_of[item] + 1] += 1;
        }
        for key in 0..count {
            starts[key + 1] += starts[key];
        }
        let mut free = starts.clone();
        let mut sorted = vec![0; starts[count]];
        for item in items {
            let place = &mut free[key_of[item]];
            sorted[*place] = item;
            *place += 1;
        }
        Self { starts, items: sorted }
    }

    /// Number of groups.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The items of a group.
    pub(super) fn get(&self, group: usize) -> &[usize] {
        &self.items[self.starts[group]..self.starts[group + 1]]
    }

    /// All items, group after group.
    pub(super) fn items(&self) -> &[usize] {
        &self.items
    }
}
