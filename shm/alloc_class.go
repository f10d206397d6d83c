package shm

// Sizes of small blocks. Each class has its own chunks.
var classes = [...]uint32{
	64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
	6144, 8128, 10816, 16256, 21760, 32640,
}

const numClasses = 18

// classBlocks[c] is how many blocks of class c fit into a chunk beside their owner
// words, classFirst[c] where the first begins.
var classBlocks, classFirst = func() (n, first [numClasses]uint32) {
	for c, size := range classes {
		n[c] = chunkSize / (size + 4)
		for {
			first[c] = roundUp(4*n[c], 64)
			if first[c]+n[c]*size <= chunkSize {
				break
			}
			n[c]--
		}
	}
	return n, first
}()

// classOf returns the smallest class that holds n bytes; ok is false where a block
// of n bytes is a run of chunks.
func classOf(n uint64) (c uint32, ok bool) {
	if n > uint64(classes[numClasses-1]) {
		return 0, false
	}
	lo, hi := 0, numClasses-1
	for lo < hi {
		mid := (lo + hi) / 2
		if uint64(classes[mid]) >= n {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return uint32(lo), true
}

// blockSizeFor is the size of the block that alloc takes for n bytes.
func blockSizeFor(n uint64) uint64 {
	if c, ok := classOf(n); ok {
		return uint64(classes[c])
	}
	return roundUp(n, chunkSize)
}

func roundUp[T uint32 | uint64](n, to T) T { return (n + to - 1) / to * to }
