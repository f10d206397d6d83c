package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

// What a dict is to carom, a hash is to Redis.
const hash = "bench"

// pipelined is how many commands the cases with a pipeline send at once.
const pipelined = 64

func init() {
	for _, op := range cases.DictOps {
		for _, c := range cases.Crowds {
			add(redisCase("Dict"+op+"/impl=redis/"+cases.CrowdName(c), c, cases.Party{Role: "redis", Op: op}))
		}
	}
	for _, op := range []string{"Get", "Set", "AddKey"} {
		add(redisCase(fmt.Sprintf("Dict%s/impl=redis/clients=1/pipeline=%d", op, pipelined), [2]int{1, 1}, cases.Party{Role: "redis pipelined", Op: op}))
	}
	add(redisCase("ListAppend/impl=redis", [2]int{1, 1}, cases.Party{Role: "redis", Op: "Append"}))
	add(redisCase("ListAll/impl=redis", [2]int{1, 1}, cases.Party{Role: "redis list", Op: "All"}))
	cases.Roles["redis"] = func(_ context.Context, _ *carom.Manager, p cases.Party) (cases.Share, error) {
		call := redisCall(dialRedis(p.Object), p.Op)
		return cases.Calling(p, func(int) cases.Call { return call }), nil
	}
	cases.Roles["redis pipelined"] = func(_ context.Context, _ *carom.Manager, p cases.Party) (cases.Share, error) {
		pipe := dialRedis(p.Object).Pipeline()
		call := redisCall(pipe, p.Op)
		return func(ctx context.Context, n int) (cases.Finished, error) {
			for i := range n {
				if err := call(ctx, i); err != nil {
					return cases.Finished{}, err
				}
				if pipe.Len() < pipelined && i < n-1 {
					continue
				}
				if _, err := pipe.Exec(ctx); err != nil {
					return cases.Finished{}, err
				}
			}
			return cases.Finished{}, nil
		}, nil
	}
	cases.Roles["redis list"] = func(_ context.Context, _ *carom.Manager, p cases.Party) (cases.Share, error) {
		c := dialRedis(p.Object)
		return func(ctx context.Context, n int) (cases.Finished, error) {
			for ; n > 0; n -= cases.ListItems {
				if got, err := c.LRange(ctx, "list", 0, -1).Result(); err != nil || len(got) != cases.ListItems {
					return cases.Finished{}, fmt.Errorf("%d items: %w", len(got), err)
				}
			}
			return cases.Finished{}, nil
		}, nil
	}
}

func redisCase(name string, crowd [2]int, p cases.Party) cases.Case {
	return cases.Case{Name: name, Open: func(e *cases.Env) (cases.Run, error) {
		socket, err := startRedis(e)
		if err != nil {
			return nil, err
		}
		c := dialRedis(socket)
		defer c.Close()
		for i, key := range cases.DictKeys(cases.DictEntries) {
			if err := c.HSet(e.Ctx, hash, key, 1000+i).Err(); err != nil {
				return nil, err
			}
		}
		for i := range cases.ListItems {
			if err := c.RPush(e.Ctx, "list", i).Err(); err != nil {
				return nil, err
			}
		}
		p := p
		p.Object = socket
		return e.Clients(crowd, p)
	}}
}

// redisCall is one command, or its place in a pipeline.
func redisCall(c redis.Cmdable, op string) cases.Call {
	keys := cases.DictKeys(cases.DictEntries)
	some := []any{}
	for i, key := range keys[:cases.ManyKeys] {
		some = append(some, key, i)
	}
	return map[string]cases.Call{
		"Get":     func(ctx context.Context, i int) error { return lookUp(c.HGet(ctx, hash, keys[i%len(keys)])) },
		"Set":     func(ctx context.Context, i int) error { return c.HSet(ctx, hash, keys[i%len(keys)], 1000+i).Err() },
		"AddKey":  func(ctx context.Context, i int) error { return c.HIncrBy(ctx, hash, keys[i%len(keys)], 1).Err() },
		"GetMany": func(ctx context.Context, _ int) error { return c.HMGet(ctx, hash, keys[:cases.ManyKeys]...).Err() },
		"Update":  func(ctx context.Context, _ int) error { return c.HSet(ctx, hash, some...).Err() },
		"Append":  func(ctx context.Context, i int) error { return c.RPush(ctx, "appended", i).Err() },
	}[op]
}

// lookUp takes the value as the number that it is, if the answer is there already.
func lookUp(c *redis.StringCmd) error {
	if c.Err() != nil || c.Val() == "" {
		return c.Err()
	}
	_, err := c.Int()
	return err
}
