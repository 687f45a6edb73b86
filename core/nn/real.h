#ifndef EP_NN_REAL_H
#define EP_NN_REAL_H

/**
 * The precision of the engine. Every source of a bank is compiled twice: in float, which trains, and with
 * NN_DOUBLE in double, which the gradient check runs on. The double build has other names for the linker, so
 * that both can stand in one program; a source includes the headers of one of them only.
 */

#ifdef NN_DOUBLE
typedef double nn_real;
#define nn_activation_backward   nn64_activation_backward
#define nn_activation_forward    nn64_activation_forward
#define nn_bank_batch_cost       nn64_bank_batch_cost
#define nn_bank_create           nn64_bank_create
#define nn_bank_destroy          nn64_bank_destroy
#define nn_bank_evaluate         nn64_bank_evaluate
#define nn_bank_members          nn64_bank_members
#define nn_bank_options          nn64_bank_options
#define nn_bank_parameters       nn64_bank_parameters
#define nn_bank_penalty          nn64_bank_penalty
#define nn_bank_shape            nn64_bank_shape
#define nn_bank_statistics       nn64_bank_statistics
#define nn_bank_step             nn64_bank_step
#define nn_batchnorm_average     nn64_batchnorm_average
#define nn_batchnorm_backward    nn64_batchnorm_backward
#define nn_batchnorm_infer       nn64_batchnorm_infer
#define nn_batchnorm_train       nn64_batchnorm_train
#define nn_dense_backward_bias   nn64_dense_backward_bias
#define nn_dense_backward_input  nn64_dense_backward_input
#define nn_dense_backward_weight nn64_dense_backward_weight
#define nn_dense_forward         nn64_dense_forward
#define nn_gemm_forward          nn64_gemm_forward
#define nn_gemm_input_gradient   nn64_gemm_input_gradient
#define nn_gemm_weight_gradient  nn64_gemm_weight_gradient
#define nn_initialise            nn64_initialise
#define nn_relu_backward         nn64_relu_backward
#define nn_relu_forward          nn64_relu_forward
#define nn_sgd_update            nn64_sgd_update
#define nn_softmax_cost          nn64_softmax_cost
#define nn_softmax_gradient      nn64_softmax_gradient
#define nn_workspace_count       nn64_workspace_count
#define nn_workspace_create      nn64_workspace_create
#define nn_workspace_destroy     nn64_workspace_destroy
#else
typedef float nn_real;
#endif

#endif
