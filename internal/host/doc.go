// Package host serves objects of registered types in a coordinator: it finds out by
// reflection what can be called, keeps the objects, calls their methods, factories and
// initializers, and encodes what comes out.
//
// Package carom imports it, and says by a Config how the code that it runs finds the
// coordinator's manager.
package host
