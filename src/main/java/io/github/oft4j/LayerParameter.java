package io.github.oft4j;

import java.util.Optional;

/**
 * What an adapter learns for one layer.
 *
 * @param name as PEFT has it, for example {@code fc1.oft_R.default.weight}
 * @param value {@code [rows, b(b-1)/2]}; shares memory with the model
 * @param grad of the same shape; empty where there is none
 */
public record LayerParameter(String name, Tensor value, Optional<Tensor> grad) {}
