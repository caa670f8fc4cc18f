/**
 * What a call through the façade costs beyond the C function behind it.
 *
 * <p>Each benchmark comes twice: {@code facade...} as users call it, and {@code c...}, the same
 * work by the generated bindings alone, with objects and out-parameters made before. The difference
 * is what Java adds: leases, checks, and where a tensor is returned the {@link
 * io.github.oft4j.Tensor} and the entry in its scope. Tensors are tiny on purpose, so that
 * arithmetic hides nothing. Both must give equal results before either is timed.
 *
 * {@snippet lang=shell :
 * mvn -DskipNative test-compile exec:exec@bench                       # all, with allocations
 * mvn -DskipNative test-compile exec:exec@bench -Djmh="Operator -f 3" # options of JMH
 * }
 *
 * <p>{@code -DskipNative} takes the native library as it was built last. {@code gc.alloc.rate.norm}
 * is bytes of Java heap per call: 0 where no object is returned. A tensor costs 128, whatever its
 * shape, once tensors of that shape were seen: 32 for the {@code Tensor}, 56 for its handle, 40 for
 * the pointer in it. Arrays of variable arguments and boxed numbers come on top, and 24 for
 * operands of any type, where operators are called by name and modules run. A scope costs 160.
 *
 * <p>Run it on a quiet machine, or compare minima: on a busy one the C side alone, about ten native
 * calls for an operator of two tensors, varies more than what Java adds.
 */
package io.github.oft4j.bench;
