package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Tensor;

/** A field of a data set: for each example a tensor, all of one shape and type. */
interface Column {
  /** How many examples there are. */
  int size();

  DType dtype();

  /**
   * The tensors of some examples.
   *
   * @param examples from 0
   * @return {@code [examples.length, ...]}
   */
  Tensor batch(OFTScope scope, int[] examples);

  /** Where an example's value stands, for a person. */
  String place(int example);
}
