//! The frames that wait for one socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::frame::{Frame, Framing};

/// Maximum number of slices that one system call gets. Every platform accepts at least this many.
pub const MAX_SLICES: usize = 64;

/// Number of frames for which an empty queue keeps its memory.
const KEPT_CAPACITY: usize = 64;

/// The frames that wait for one socket, oldest first. The kernel may take any number of bytes at a time, so the first frame
/// can be partly sent.
///
/// A **fence** separates the frames before it, which may be sent, from later frames, which are held.
#[derive(Debug)]
pub struct SendQueue {
    framing: Framing,
    frames: VecDeque<Frame>,
    /// Number of bytes of the first frame that the kernel has taken.
    offset: usize,
    /// Number of bytes of all frames, without `offset`.
    len: usize,
    /// Number of frames before the fence.
    fence: Option<usize>,
}

impl SendQueue {
    /// Returns an empty queue without a fence.
    pub fn new(framing: Framing) -> Self {
        Self { framing, frames: VecDeque::new(), offset: 0, len: 0, fence: None }
    }

    /// Returns the number of bytes that a frame takes in this queue.
    pub fn len_of(&self, frame: &Frame) -> usize {
        frame.bytes(self.framing).len()
    }

    /// Adds a frame at the end.
    pub fn push(&mut self, frame: Frame) {
        self.len += self.len_of(&frame);
        self.frames.push_back(frame);
    }

    /// Returns the number of bytes that wait, including those after the fence.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true when no bytes wait.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns true when there are bytes before the fence, or no fence and any bytes.
    pub fn can_send(&self) -> bool {
        self.sendable() > 0
    }

    /// Puts the next bytes to send into `slices` and returns the number of slices.
    pub fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let count = self.sendable().min(MAX_SLICES);
        let mut offset = self.offset;
        for (slice, frame) in slices.iter_mut().zip(self.frames.iter().take(count)) {
            *slice = IoSlice::new(&frame.bytes(self.framing)[offset..]);
            offset = 0;
        }
        count
    }

    /// Removes the first `count` bytes, which the kernel has taken. They were in the slices of [`SendQueue::fill`].
    pub fn advance(&mut self, count: usize) {
        self.len -= count;
        self.offset += count;
        while let Some(first) = self.frames.front() {
            let len = self.len_of(first);
            if self.offset < len {
                break;
            }
            self.offset -= len;
            self.frames.pop_front();
            if let Some(fence) = &mut self.fence {
                *fence -= 1;
            }
        }
        self.release_memory();
    }

    /// Holds all frames that are added from now on. An earlier fence stays where it is.
    pub fn set_fence(&mut self) {
        self.fence.get_or_insert(self.frames.len());
    }

    /// Removes the fence.
    pub fn lift_fence(&mut self) {
        self.fence = None;
    }

    /// Drops the frames on both sides of the fence, except a frame that is partly sent: without its rest, the client could
    /// not read what follows.
    pub fn drop_unstarted(&mut self) {
        let kept = usize::from(self.offset > 0);
        self.frames.truncate(kept);
        self.fence = self.fence.map(|fence| fence.min(kept));
        self.len = self.frames.front().map_or(0, |frame| self.len_of(frame) - self.offset);
        self.release_memory();
    }

    fn sendable(&self) -> usize {
        self.fence.unwrap_or(self.frames.len())
    }

    /// Returns the memory that a burst needed, because a process has many clients.
    fn release_memory(&mut self) {
        if self.frames.is_empty() && self.frames.capacity() > KEPT_CAPACITY {
            self.frames = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        /// Sends this fraction, in thousandths, of what one system call gets.
        Send(usize),
        Fence,
        Lift,
        Drop,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => prop_oneof![1usize..20, 200usize..300].prop_map(Step::Push),
            6 => prop_oneof![Just(1_000usize), 0usize..1_000].prop_map(Step::Send),
            1 => Just(Step::Fence),
            1 => Just(Step::Lift),
            1 => Just(Step::Drop),
        ]
    }

    /// The frames as plain bytes, and the index of the first one after the fence.
    #[derive(Default)]
    struct Model {
        frames: VecDeque<Vec<u8>>,
        is_first_partly_sent: bool,
        fence: Option<usize>,
    }

    impl Model {
        fn sendable(&self) -> Vec<u8> {
            let count = self.fence.unwrap_or(self.frames.len()).min(MAX_SLICES);
            self.frames.iter().take(count).flatten().copied().collect()
        }

        fn len(&self) -> usize {
            self.frames.iter().map(Vec::len).sum()
        }

        fn send(&mut self, mut count: usize) {
            while count > 0 {
                let first = &mut self.frames[0];
                if count < first.len() {
                    first.drain(..count);
                    self.is_first_partly_sent = true;
                    return;
                }
                count -= first.len();
                self.frames.pop_front();
                self.is_first_partly_sent = false;
                self.fence = self.fence.map(|fence| fence - 1);
            }
        }

        fn drop_unstarted(&mut self) {
            let kept = usize::from(self.is_first_partly_sent);
            self.frames.truncate(kept);
            self.fence = self.fence.map(|fence| fence.min(kept));
        }
    }

    fn next_bytes(queue: &SendQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = queue.fill(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_sequence_of_partial_writes_sends_the_same_bytes(
            is_chunked: bool,
            steps in vec(step(), 1..200),
        ) {
            let framing = if is_chunked { Framing::Chunked } else { Framing::Raw };
            let mut queue = SendQueue::new(framing);
            let mut model = Model::default();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(len) => {
                        let payload: Vec<_> = (0..len).map(|index| (number + index) as u8).collect();
                        queue.push(Frame::new(&payload).unwrap());
                        model.frames.push_back(match framing {
                            Framing::Chunked => [format!("{len:x}\r\n").as_bytes(), &payload, b"\r\n"].concat(),
                            Framing::Raw => payload,
                        });
                    }
                    Step::Send(thousandths) => {
                        let bytes = model.sendable();
                        prop_assert_eq!(next_bytes(&queue), bytes.clone());
                        let count = bytes.len() * thousandths / 1_000;
                        queue.advance(count);
                        model.send(count);
                    }
                    Step::Fence => {
                        queue.set_fence();
                        model.fence.get_or_insert(model.frames.len());
                    }
                    Step::Lift => {
                        queue.lift_fence();
                        model.fence = None;
                    }
                    Step::Drop => {
                        queue.drop_unstarted();
                        model.drop_unstarted();
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.is_empty(), model.frames.is_empty());
                prop_assert_eq!(queue.can_send(), !model.sendable().is_empty());
            }
        }
    }

    #[test]
    fn an_empty_queue_returns_the_memory_of_a_burst() {
        let mut queue = SendQueue::new(Framing::Raw);
        let frame = Frame::new(b"a").unwrap();
        (0..10_000).for_each(|_| queue.push(frame.clone()));
        while queue.can_send() {
            queue.advance(next_bytes(&queue).len());
        }
        assert!(queue.frames.capacity() <= KEPT_CAPACITY);
    }
}
