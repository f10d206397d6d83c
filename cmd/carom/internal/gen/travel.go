package gen

import "go/types"

// The rules of carom.Register about which methods can be called from another process, for
// types that are known to the compiler instead of by reflection.

var errorType = types.Universe.Lookup("error").Type()

func isContext(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "context" && named.Obj().Name() == "Context"
}

// encodesItself reports whether a type has methods for its encoding.
func encodesItself(t types.Type) bool {
	if types.IsInterface(t) {
		return false
	}
	for _, name := range []string{"MarshalCBOR", "MarshalBinary"} {
		obj, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
		if f, ok := obj.(*types.Func); ok && f.Signature().Params().Len() == 0 && f.Signature().Results().Len() == 2 {
			return true
		}
	}
	return false
}

func canArrive(t types.Type) bool {
	return travels(t, func(i *types.Interface) bool { return i.Empty() }, 0)
}

func canLeave(t types.Type) bool {
	return travels(t, func(i *types.Interface) bool { return !types.Identical(i, errorType.Underlying()) }, 0)
}

func travels(t types.Type, asInterface func(*types.Interface) bool, depth int) bool {
	const enough = 20 // for a type that contains itself
	if depth > enough || encodesItself(t) {
		return true
	}
	switch u := t.Underlying().(type) {
	case *types.Signature, *types.Chan:
		return false
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	case *types.Interface:
		return asInterface(u)
	case *types.Pointer:
		return travels(u.Elem(), asInterface, depth+1)
	case *types.Slice:
		return travels(u.Elem(), asInterface, depth+1)
	case *types.Array:
		return travels(u.Elem(), asInterface, depth+1)
	case *types.Map:
		return travels(u.Elem(), asInterface, depth+1)
	}
	return true
}

// stream is what a method's result gives, as a range over it: its values, or nothing.
func stream(t types.Type) (items []types.Type) {
	switch u := t.Underlying().(type) {
	case *types.Chan:
		if u.Dir() != types.SendOnly {
			items = []types.Type{u.Elem()}
		}
	case *types.Signature:
		if u.Params().Len() != 1 || u.Results().Len() != 0 {
			return nil
		}
		yield, ok := u.Params().At(0).Type().Underlying().(*types.Signature)
		if !ok || yield.Results().Len() != 1 || !types.Identical(yield.Results().At(0).Type().Underlying(), types.Typ[types.Bool]) {
			return nil
		}
		for v := range yield.Params().Variables() {
			items = append(items, v.Type())
		}
	}
	if len(items) == 2 && types.Identical(items[1], errorType) {
		items = items[:1]
	}
	if len(items) == 0 || len(items) > 2 {
		return nil
	}
	for _, t := range items {
		if !canLeave(t) {
			return nil
		}
	}
	return items
}
