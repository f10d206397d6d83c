package codec

import "reflect"

// maxDepth is how deep a value may be before it is taken for one that contains itself.
const maxDepth = 10_000

// checkValue refuses a value of which something would not arrive, also in what its interfaces
// hold. Types are examined once; a value is looked at only where it may hold others.
func (r *rules) checkValue(v any) error {
	if plainValue(v) {
		return nil
	}
	verdict := r.verdict(reflect.TypeOf(v))
	if verdict.err != nil || !verdict.dynamic {
		return verdict.err
	}
	return r.walkAny(v, 0)
}

// plainValue is true of what most often is in an any.
func plainValue(v any) bool {
	switch v.(type) {
	case nil, bool, string, int, int64, uint64, float64, []byte, int8, int16, int32, uint, uint8, uint16, uint32, float32:
		return true
	}
	return false
}

// walkAny is walk for what an interface holds.
func (r *rules) walkAny(v any, depth int) error {
	if depth > maxDepth {
		return refuse("the value is more than %d levels deep, or contains itself", maxDepth)
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if plainValue(e) {
				continue
			}
			if err := r.walkAny(e, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, e := range v {
			if plainValue(e) {
				continue
			}
			if err := r.walkAny(e, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return r.walk(reflect.ValueOf(v), depth)
}

func (r *rules) walk(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return refuse("the value is more than %d levels deep, or contains itself", maxDepth)
	}
	if v.Kind() == reflect.Interface {
		if v.CanInterface() {
			if inner := v.Interface(); !plainValue(inner) {
				return r.walkAny(inner, depth)
			}
			return nil
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	verdict := r.verdict(v.Type())
	if verdict.err != nil || !verdict.dynamic {
		return verdict.err
	}
	switch v.Kind() {
	case reflect.Pointer:
		return r.walk(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := r.walk(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if err := r.walk(i.Key(), depth+1); err != nil {
				return err
			}
			if err := r.walk(i.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for _, i := range verdict.parts {
			if err := r.walk(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
