"""Runs one program: forward, gradients, 50 steps of training. Used by the recorder (Python 3.7, TF 1.15.5) and by the tests."""

import numpy as np

STEPS = 50


def batch(*shape):
    """The same numbers for everybody: legacy RandomState never changes."""
    return np.random.RandomState(sum(shape) + 17 * len(shape)).normal(0.0, 0.8, shape).astype("float32")


def first_values(name, variables):
    """Random values for every variable, none zero."""
    seed = sum(ord(c) * (i + 1) for i, c in enumerate(name)) % 10007
    random = np.random.RandomState(seed)
    values = {}
    for variable in sorted(variables, key=lambda v: v.op.name):
        shape = variable.shape.as_list()
        if not variable.dtype.base_dtype.is_floating:
            values[variable.op.name] = np.zeros(shape, variable.dtype.base_dtype.as_numpy_dtype)
            continue
        drawn = random.uniform(0.1, 0.6, shape) * random.choice([-1.0, 1.0], shape)
        if variable.op.name.endswith(("period", "ratio_on", "phase")):
            drawn = np.abs(drawn) * (8.0 if variable.op.name.endswith("period") else 1.0)
        values[variable.op.name] = drawn.astype(variable.dtype.base_dtype.as_numpy_dtype)
    return values


def run(tf, name, program, checkpoint, save):
    """The program's arrays by name. ``save``: write the variables' first values to ``checkpoint``; else restore them from it."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(7)
        made = program()
        variables = tf.global_variables()
        gradients, step = [], None
        if "loss" in made:
            optimizer = made.get("optimizer", tf.train.GradientDescentOptimizer(0.05))
            # All gradients before any update: with less gating TF1's reference variables race.
            pairs = optimizer.compute_gradients(made["loss"], gate_gradients=tf.train.Optimizer.GATE_GRAPH)
            pairs = [(g, v) for g, v in pairs if g is not None]
            named = [v for _, v in pairs]
            gradients = [tf.convert_to_tensor(g) for g, _ in pairs]
            step = optimizer.apply_gradients(pairs)
        saver = tf.train.Saver({name + "/" + v.op.name: v for v in variables}) if variables else None
        placeholders = [tf.placeholder(v.dtype.base_dtype, v.shape) for v in variables]
        assigns = [tf.assign(v, p) for v, p in zip(variables, placeholders)]
        with tf.Session() as session:
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            session.run(tf.tables_initializer())
            if save:
                values = first_values(name, variables)
                session.run(assigns, {p: values[v.op.name] for v, p in zip(variables, placeholders)})
            elif saver:
                saver.restore(session, checkpoint)
            before = {v.op.name: session.run(v) for v in variables}
            found = {}
            feeds = made.get("feeds", {})
            for key, fetched in made["fetch"].items():
                found["fetch:" + key] = np.asarray(session.run(fetched, feeds))
            if step is not None:
                found["loss"] = np.asarray(session.run(made["loss"], feeds))
                for variable, gradient in zip(named, session.run(gradients, feeds)):
                    found["gradient:" + variable.op.name] = gradient
                for _ in range(STEPS):
                    session.run(step, feeds)
                for variable in variables:
                    found["trained:" + variable.op.name] = session.run(variable)
                found["trained_loss"] = np.asarray(session.run(made["loss"], feeds))
    return before, found
