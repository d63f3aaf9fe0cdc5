//! The number types of foreign tensors, and how strided views of them become rows of f32.

use half::{bf16, f16};

/// What one number of a stored tensor is, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The element of a storage class of PyTorch, such as `FloatStorage`.
    pub fn of_torch(storage: &str) -> Option<Self> {
        Some(match storage {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ShortStorage" => Self::I16,
            "CharStorage" => Self::I8,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }

    /// The element of a safetensors file.
    pub fn of_safetensors(dtype: safetensors::Dtype) -> Option<Self> {
        use safetensors::Dtype;
        Some(match dtype {
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::I64 => Self::I64,
            Dtype::I32 => Self::I32,
            Dtype::I16 => Self::I16,
            Dtype::I8 => Self::I8,
            Dtype::U8 => Self::U8,
            Dtype::BOOL => Self::Bool,
            _ => return None,
        })
    }

    /// Consecutive numbers as f32, rounded to nearest where they have more digits.
    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        fn all<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, number: impl Fn([u8; N]) -> f32) {
            let mut chunk = [0; N];
            out.extend(bytes.chunks_exact(N).map(|bytes| {
                chunk.copy_from_slice(bytes);
                number(chunk)
            }));
        }
        match self {
            Self::F16 => all(bytes, out, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => all(bytes, out, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => all(bytes, out, f32::from_le_bytes),
            Self::F64 => all(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Self::I64 => all(bytes, out, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => all(bytes, out, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => all(bytes, out, |b| f32::from(i16::from_le_bytes(b))),
            Self::I8 => all(bytes, out, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => all(bytes, out, |b: [u8; 1]| f32::from(b[0])),
            Self::Bool => all(bytes, out, |b: [u8; 1]| f32::from(u8::from(b[0] != 0))),
        }
    }
}

/// A rectangular view into a storage; all counts in elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl View {
    /// A whole storage in row-major order.
    pub fn row_major(shape: Vec<usize>) -> Self {
        let mut strides = vec![1usize; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i].saturating_mul(shape[i]);
        }
        Self { offset: 0, shape, strides }
    }

    /// Count of its elements; `None` when it overflows.
    pub fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))
    }

    /// How long the storage must be to hold the view; `None` when that overflows.
    pub fn reach(&self) -> Option<usize> {
        if self.count()? == 0 {
            return Some(0);
        }
        let mut steps = self.shape.iter().zip(&self.strides);
        let last =
            steps.try_fold(self.offset, |last, (&size, &stride)| last.checked_add((size - 1).checked_mul(stride)?));
        last?.checked_add(1)
    }

    /// The view's elements in row-major order. `storage` must be as long as [`View::reach`] says.
    pub fn gather(&self, element: Element, storage: &[u8]) -> Vec<f32> {
        let count = self.count().unwrap_or(0);
        let mut values = Vec::with_capacity(count);
        if count == 0 {
            return values;
        }
        let size = element.size();
        // The longest run of trailing dimensions that lies in one piece is decoded at once.
        let (mut piece, mut outer) = (1, self.shape.len());
        while outer > 0 && (self.strides[outer - 1] == piece || self.shape[outer - 1] == 1) {
            piece *= self.shape[outer - 1];
            outer -= 1;
        }
        let mut index = vec![0usize; outer];
        loop {
            let start = index.iter().zip(&self.strides).fold(self.offset, |at, (i, stride)| at + i * stride);
            element.decode(&storage[start * size..(start + piece) * size], &mut values);
            let Some(grow) = (0..outer).rev().find(|&d| index[d] + 1 < self.shape[d]) else { return values };
            index[grow] += 1;
            index[grow + 1..].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_gathered_as_their_strides_say() {
        let storage: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let gather = |offset, shape: &[usize], strides: &[usize]| {
            let view = View { offset, shape: shape.to_vec(), strides: strides.to_vec() };
            assert!(view.reach().unwrap() <= 12);
            view.gather(Element::F32, &storage)
        };
        assert_eq!(gather(0, &[3, 4], &[4, 1]), (0..12).map(|i| i as f32).collect::<Vec<_>>());
        assert_eq!(gather(0, &[4, 3], &[1, 4])[..4], [0.0, 4.0, 8.0, 1.0]);
        assert_eq!(gather(5, &[2, 2], &[4, 1]), [5.0, 6.0, 9.0, 10.0]);
        assert_eq!(gather(3, &[3], &[0]), [3.0, 3.0, 3.0]);
        assert_eq!(gather(7, &[], &[]), [7.0]);
        assert_eq!(gather(0, &[2, 1, 2], &[2, 99, 1]), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(gather(0, &[0, 4], &[4, 1]), [0.0; 0]);
    }

    #[test]
    fn sizes_that_overflow_are_noticed() {
        let view = View { offset: 1, shape: vec![usize::MAX, 2], strides: vec![2, 1] };
        assert_eq!((view.count(), view.reach()), (None, None));
        let view = View { offset: 1, shape: vec![3], strides: vec![usize::MAX / 2 + 1] };
        assert_eq!(view.reach(), None);
    }

    #[test]
    fn every_element_is_decoded() {
        let one = |element: Element, bytes: &[u8]| {
            assert_eq!(element.size(), bytes.len());
            View::row_major(vec![1]).gather(element, bytes)[0]
        };
        assert_eq!(one(Element::F16, &f16::from_f32(1.5).to_le_bytes()), 1.5);
        assert_eq!(one(Element::Bf16, &bf16::from_f32(-2.0).to_le_bytes()), -2.0);
        assert_eq!(one(Element::F32, &0.1f32.to_le_bytes()), 0.1);
        assert_eq!(one(Element::F64, &0.1f64.to_le_bytes()), 0.1);
        assert_eq!(one(Element::I64, &(-7i64).to_le_bytes()), -7.0);
        assert_eq!(one(Element::I32, &(-7i32).to_le_bytes()), -7.0);
        assert_eq!(one(Element::I16, &(-7i16).to_le_bytes()), -7.0);
        assert_eq!(one(Element::I8, &(-7i8).to_le_bytes()), -7.0);
        assert_eq!(one(Element::U8, &[200]), 200.0);
        assert_eq!(one(Element::Bool, &[1]), 1.0);
    }
}
