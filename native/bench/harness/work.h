#pragma once

#include <string>

namespace oft::bench {

class Session;

/// A part of the benchmark that can be asked for by name.
struct Work {
  const char* name;
  void (*run)(Session&);
  bool on_request = false;  ///< run only where it is named: it takes minutes or much of a disk
};

/// Null where there is none of this name.
const Work* find_work(const std::string& name);

/// All names, separated by commas.
std::string work_names();

/// The works that are named, or all but those on request, in their own order.
void run_works(Session& session);

void merge_work(Session& session);    // one layer's weight, and back
void cayley_work(Session& session);   // rotations from parameters, and gradients
void forward_work(Session& session);  // unmerged: a layer, and a real encoder
void train_work(Session& session);    // a step of the encoder, and its memory
void job_work(Session& session);      // a file, from end to end
void unet_work(Session& session);     // the same with a model of 1.7 GB
void startup_work(Session& session);  // the command line where it has next to nothing to do

}  // namespace oft::bench
