package io.github.oft4j;

import java.util.OptionalDouble;

/**
 * What a {@link Rotation} is besides its parameters.
 *
 * @param formula how blocks follow from parameters
 * @param terms n of the Neumann series; without meaning for {@link Formula#CAYLEY}
 * @param blockShare whether all blocks share their parameters
 * @param coftEps of constrained OFT, which bounds {@code ||Q||_F} of each block by {@code coftEps /
 *     sqrt(rows of q)}; empty where the rotation is not constrained
 */
public record RotationSpec(
    Formula formula, int terms, boolean blockShare, OptionalDouble coftEps) {}
