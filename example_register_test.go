package carom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"

	"github.com/carom-ipc/carom"
)

// account lives in the coordinator.
type account struct {
	owner   string
	balance int
}

func newAccount(owner string) *account { return &account{owner: owner} }

func (a *account) Deposit(amount int) (int, error) {
	if amount <= 0 {
		return a.balance, errors.New("nothing to deposit")
	}
	a.balance += amount
	return a.balance, nil
}

func (a *account) Owner() string { return a.owner }

func (a *account) Countdown() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := a.balance; i > 0 && yield(i); i -= 10 {
		}
	}
}

var accounts = carom.Register[*account]("Account", newAccount)

// Account is a typed proxy, written by hand; carom gen writes the same.
type Account struct{ carom.Ref }

func (a Account) Deposit(ctx context.Context, amount int) (int, error) {
	return carom.Call[int](ctx, a.Ref, "Deposit", amount)
}

var saver = carom.NewWorker("saver", func(ctx context.Context, a Account) error {
	_, err := a.Deposit(ctx, 10)
	return err
})

func ExampleRegister() {
	// func newAccount(owner string) *account
	// var accounts = carom.Register[*account]("Account", newAccount)
	//
	// type Account struct{ carom.Ref }
	ctx := context.Background()
	m, err := carom.Start(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	ref, err := accounts.New(m, "savings", "Ada")
	if err != nil {
		log.Fatal(err)
	}
	a := Account{ref}
	g := carom.NewGroup(ctx, m)
	for range 3 {
		saver.Go(g, a) // a process each
	}
	if err := g.Wait(); err != nil {
		log.Fatal(err)
	}
	balance, err := a.Deposit(ctx, 12)
	fmt.Println(balance, err)
	// Output: 42 <nil>
}

func ExampleCall() {
	ctx := context.Background()
	m := carom.Must(carom.Start(ctx, nil))
	defer m.Close()
	a := carom.Must(accounts.New(m, "savings", "Ada"))
	owner, err := carom.Call[string](ctx, a, "Owner")
	fmt.Println(owner, err)
	_, err = carom.Call[int](ctx, a, "Deposit", -1)
	fmt.Println(err)
	_, err = carom.Call[int](ctx, a, "Deposit", "much")
	fmt.Println(errors.Is(err, carom.ErrType))
	_, err = carom.Call[int](ctx, a, "Withdraw")
	fmt.Println(err)
	// Output:
	// Ada <nil>
	// carom: Deposit Account "savings": nothing to deposit
	// true
	// carom: Withdraw Account "savings": not found: Account has no method "Withdraw", or does not expose it
}

func ExampleIterate() {
	ctx := context.Background()
	m := carom.Must(carom.Start(ctx, nil))
	defer m.Close()
	a := carom.Must(accounts.New(m, "savings", "Ada"))
	if err := carom.Invoke(ctx, a, "Deposit", 30); err != nil {
		log.Fatal(err)
	}
	for n, err := range carom.Iterate[int](ctx, a, "Countdown") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(n)
	}
	// Output:
	// 30
	// 20
	// 10
}

// A generator in the Python way: an object that a method makes, with a method for the next
// value.
func ExampleReturns() {
	// carom.Register[*tree]("Tree", newTree, carom.Returns("Count", "Generator"))
	// carom.Register[*generator]("Generator", nil, carom.NoCreate())
	ctx := context.Background()
	m := carom.Must(carom.Start(ctx, nil))
	defer m.Close()
	t := carom.Must(trees.New(m, "tree", carom.Must(carom.NewEvent(m, "closed"))))
	g, err := carom.Call[carom.Ref](ctx, t, "Count", 4)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close() // it goes with its last handle
	for {
		n, err := carom.Call[int](ctx, g, "Next")
		if errors.Is(err, io.EOF) {
			break
		}
		fmt.Println(n, err)
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 4 <nil>
	// 9 <nil>
}

func ExampleRegisterInitializer() {
	// carom.RegisterInitializer("greet", func(ctx context.Context, word string) error {
	// 	m, err := carom.FromEnv(ctx)
	// 	…
	// 	_, err = accounts.New(m, "house", word)
	// 	return err
	// })
	ctx := context.Background()
	m := carom.Must(carom.Start(ctx, &carom.Options{Initializer: "greet", InitArgs: []any{"Grace"}}))
	defer m.Close()
	a := carom.Must(accounts.Open(m, "house"))
	owner, err := carom.Call[string](ctx, a, "Owner")
	fmt.Println(owner, err)
	// Output: Grace <nil>
}

func init() {
	carom.RegisterInitializer("greet", func(ctx context.Context, word string) error {
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		_, err = accounts.New(m, "house", word)
		return err
	})
}
