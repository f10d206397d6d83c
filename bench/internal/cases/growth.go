package cases

// Growth is how costs change with the number or the size of something.
type Growth struct {
	Title  string // "objects in memory"
	At     []int
	Linear bool // the work itself is proportional, as with the size of what is copied
	// Open sets up what there is x of, and returns what to measure beside it.
	Open func(e *Env, x int) ([]Curve, error)
}

// Curve is one of the operations that a Growth follows.
type Curve struct {
	Name string
	Run  Run
}

var growths []Growth

// Growths lists what may grow.
func Growths() []Growth { return growths }

// powers are 10^from to 10^to.
func powers(from, to int) (list []int) {
	x := 1
	for i := range to + 1 {
		if i >= from {
			list = append(list, x)
		}
		x *= 10
	}
	return list
}

// looped is a curve of operations of this process, one after the other.
func looped(name string, op func(i int) error) Curve {
	return Curve{name, timed(func(n int) error {
		for i := range n {
			if err := op(i); err != nil {
				return err
			}
		}
		return nil
	})}
}
