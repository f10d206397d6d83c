package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench"
)

// What a dict is to carom, a hash is to Redis.
const hash = "bench"

// pipelined is how many commands the cases with a pipeline send at once.
const pipelined = 64

func init() {
	for _, op := range bench.DictOps {
		for _, c := range bench.Crowds {
			add(redisCase("Dict"+op+"/impl=redis/"+bench.CrowdName(c), c, bench.Party{Role: "redis", Op: op}))
		}
	}
	for _, op := range []string{"Get", "Set", "AddKey"} {
		add(redisCase(fmt.Sprintf("Dict%s/impl=redis/clients=1/pipeline=%d", op, pipelined), [2]int{1, 1}, bench.Party{Role: "redis pipelined", Op: op}))
	}
	add(redisCase("ListAppend/impl=redis", [2]int{1, 1}, bench.Party{Role: "redis", Op: "Append"}))
	add(redisCase("ListAll/impl=redis", [2]int{1, 1}, bench.Party{Role: "redis list", Op: "All"}))
	bench.Roles["redis"] = func(_ context.Context, _ *carom.Manager, p bench.Party) (bench.Share, error) {
		call := redisCall(dialRedis(p.Object), p.Op)
		return bench.Calling(p, func(int) bench.Call { return call }), nil
	}
	bench.Roles["redis pipelined"] = func(_ context.Context, _ *carom.Manager, p bench.Party) (bench.Share, error) {
		pipe := dialRedis(p.Object).Pipeline()
		call := redisCall(pipe, p.Op)
		return func(ctx context.Context, n int) (bench.Finished, error) {
			for i := range n {
				if err := call(ctx, i); err != nil {
					return bench.Finished{}, err
				}
				if pipe.Len() < pipelined && i < n-1 {
					continue
				}
				if _, err := pipe.Exec(ctx); err != nil {
					return bench.Finished{}, err
				}
			}
			return bench.Finished{}, nil
		}, nil
	}
	bench.Roles["redis list"] = func(_ context.Context, _ *carom.Manager, p bench.Party) (bench.Share, error) {
		c := dialRedis(p.Object)
		return func(ctx context.Context, n int) (bench.Finished, error) {
			for ; n > 0; n -= bench.ListItems {
				if got, err := c.LRange(ctx, "list", 0, -1).Result(); err != nil || len(got) != bench.ListItems {
					return bench.Finished{}, fmt.Errorf("%d items: %w", len(got), err)
				}
			}
			return bench.Finished{}, nil
		}, nil
	}
}

func redisCase(name string, crowd [2]int, p bench.Party) bench.Case {
	return bench.Case{Name: name, Open: func(e *bench.Env) (bench.Run, error) {
		socket, err := startRedis(e)
		if err != nil {
			return nil, err
		}
		c := dialRedis(socket)
		defer c.Close()
		for i, key := range bench.DictKeys(bench.DictEntries) {
			if err := c.HSet(e.Ctx, hash, key, 1000+i).Err(); err != nil {
				return nil, err
			}
		}
		for i := range bench.ListItems {
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
func redisCall(c redis.Cmdable, op string) bench.Call {
	keys := bench.DictKeys(bench.DictEntries)
	some := []any{}
	for i, key := range keys[:bench.ManyKeys] {
		some = append(some, key, i)
	}
	return map[string]bench.Call{
		"Get":     func(ctx context.Context, i int) error { return lookUp(c.HGet(ctx, hash, keys[i%len(keys)])) },
		"Set":     func(ctx context.Context, i int) error { return c.HSet(ctx, hash, keys[i%len(keys)], 1000+i).Err() },
		"AddKey":  func(ctx context.Context, i int) error { return c.HIncrBy(ctx, hash, keys[i%len(keys)], 1).Err() },
		"GetMany": func(ctx context.Context, _ int) error { return c.HMGet(ctx, hash, keys[:bench.ManyKeys]...).Err() },
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
