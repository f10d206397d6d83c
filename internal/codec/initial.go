package codec

import (
	"fmt"
	"reflect"

	"github.com/carom-ipc/carom/internal/errs"
)

// Initial is the value v of the option Initial as a T. A constant's default type need not
// be T: a number that T can hold is one. ErrType: it is something else.
func Initial[T any](v any) (T, error) {
	if t, ok := v.(T); ok {
		return t, nil
	}
	var t T
	if err := convertNumber(reflect.ValueOf(&t).Elem(), reflect.ValueOf(v)); err != nil {
		return t, fmt.Errorf("%w: Initial is %v", errs.ErrType, err)
	}
	return t, nil
}

// InitialSlice is the content of the option InitialSlice, a slice, as Ts, for an array of
// n. ErrType: it is something else, or longer.
func InitialSlice[T any](content any, n int) ([]T, error) {
	s, ok := content.([]T)
	if !ok {
		v := reflect.ValueOf(content)
		if v.Kind() != reflect.Slice {
			return nil, fmt.Errorf("%w: InitialSlice is a %T, want a %T", errs.ErrType, content, s)
		}
		s = make([]T, v.Len())
		for i := range s {
			if err := convertNumber(reflect.ValueOf(&s[i]).Elem(), v.Index(i)); err != nil {
				return nil, fmt.Errorf("%w: element %d of InitialSlice is %v", errs.ErrType, i, err)
			}
		}
	}
	if len(s) > n {
		return nil, fmt.Errorf("%w: InitialSlice has %d elements, the array %d", errs.ErrType, len(s), n)
	}
	return s, nil
}

// convertNumber sets dst to the number v if nothing is lost by it.
func convertNumber(dst, v reflect.Value) error {
	if !v.IsValid() || !isNumber(v.Kind()) || !isNumber(dst.Kind()) {
		return fmt.Errorf("%v, want a %v", typeOf(v), dst.Type())
	}
	c := v.Convert(dst.Type())
	back := c.Convert(v.Type())
	if negative(c) != negative(v) || !back.Equal(v) {
		return fmt.Errorf("%v, which a %v does not hold", v, dst.Type())
	}
	dst.Set(c)
	return nil
}

func typeOf(v reflect.Value) any {
	if !v.IsValid() {
		return "nil"
	}
	return v.Type()
}

func isNumber(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Float64
}

func negative(v reflect.Value) bool {
	switch {
	case v.CanInt():
		return v.Int() < 0
	case v.CanFloat():
		return v.Float() < 0
	}
	return false
}
